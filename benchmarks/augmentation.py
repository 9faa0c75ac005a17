"""How much augmentation adds to an epoch.

    python benchmarks/augmentation.py

Trains the recipes `reference` (without) and `augmented`, which have the same network and batch
size, in turn, and prints the seconds per epoch after the first, which includes compilation.
"""

import statistics
import time

from mnist_course._backend import keras
from mnist_course.data import load_mnist
from mnist_course.preprocessing import normalize
from mnist_course.training.recipes import train

ROUNDS = 3
EPOCHS = 6


class Clock(keras.callbacks.Callback):
    """Note how long each epoch takes."""

    def on_train_begin(self, logs: object = None) -> None:  # noqa: ARG002
        """Forget the last training."""
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002
        """Start the clock."""
        self.begun = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002
        """Stop the clock."""
        self.seconds.append(time.perf_counter() - self.begun)


def main() -> None:
    """Print a line per round."""
    mnist = load_mnist()
    images = normalize(mnist.train_images)
    for number in range(1, ROUNDS + 1):
        medians = {}
        for recipe in ("reference", "augmented"):
            clock = Clock()
            train(
                images,
                mnist.train_labels,
                recipe=recipe,
                epochs=EPOCHS,
                callbacks=[clock],
                verbose=0,
            )
            medians[recipe] = statistics.median(clock.seconds[1:])
        plain, augmented = medians["reference"], medians["augmented"]
        print(
            f"round {number}: plain {plain:.2f} s per epoch, augmented {augmented:.2f} s, "
            f"{augmented / plain:.2f} times"
        )


if __name__ == "__main__":
    main()
