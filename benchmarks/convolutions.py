"""What an epoch of the convolutional network costs: compiled by XLA, as a graph, by model.fit.

python benchmarks/convolutions.py
"""

import time
from collections.abc import Callable
from unittest import mock

import numpy as np

from mnist_course import fit, load_mnist, normalize
from mnist_course.models import build_cnn

IMAGES = 1_280
BATCH_SIZE = 128
ROUNDS = 3


def seconds(train: Callable[[int], object]) -> float:
    """Return the duration of one epoch; the first, which includes compilation, is not counted."""
    train(1)
    started = time.perf_counter()
    train(1)
    return time.perf_counter() - started


def main() -> None:
    """Run the three in turn and print seconds per 1,000 images."""
    mnist = load_mnist()
    images, labels = normalize(mnist.train_images[:IMAGES]), mnist.train_labels[:IMAGES]

    def by_fit(model, epochs):
        return fit(
            model,
            images,
            labels,
            epochs=epochs,
            batch_size=BATCH_SIZE,
            validation_split=0,
            verbose=0,
        )

    def by_xla(model, epochs):
        with mock.patch("mnist_course.training.fitting._convolves", return_value=False):
            return by_fit(model, epochs)

    def by_keras(model, epochs):
        return model.fit(images, labels, epochs=epochs, batch_size=BATCH_SIZE, verbose=0)

    ways = {"fit, graph": by_fit, "model.fit": by_keras, "fit, XLA": by_xla}
    models = {name: build_cnn(seed=0) for name in ways}
    measured: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            took = seconds(lambda epochs, name=name, way=way: way(models[name], epochs))
            measured[name].append(took / IMAGES * 1000)
    first = np.median(measured["fit, graph"])
    for name, values in measured.items():
        print(
            f"{name:12}{min(values):8.2f}{np.median(values):8.2f}{max(values):8.2f} s per 1,000 "
            f"images, {np.median(values) / first:6.2f} times the graph"
        )


if __name__ == "__main__":
    main()
