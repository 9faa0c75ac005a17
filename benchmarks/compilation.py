"""Time what a new model costs before its first epoch: tracing and compiling.

    python benchmarks/compilation.py

Trains the reference network from several seeds, one after the other in one process, on the first
48,000 images. What a first epoch takes longer than the later ones is what the new model costs.
"""

import argparse
import os
import statistics
import time
from itertools import pairwise

import keras

from mnist_course.data import load_mnist
from mnist_course.models import build_mlp
from mnist_course.preprocessing import normalize
from mnist_course.training import fit


def main() -> None:
    """Train one model after the other, and print what each costs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=4, help="2 or more")
    arguments = parser.parse_args()
    mnist = load_mnist()
    images, labels = normalize(mnist.train_images), mnist.train_labels
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, seconds")
    for number in range(1, arguments.models + 1):
        model = build_mlp(seed=number)
        ends = [time.perf_counter()]
        clock = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda *_, ends=ends: ends.append(time.perf_counter())
        )
        fit(
            model,
            images,
            labels,
            epochs=arguments.epochs,
            validation_split=0.2,
            callbacks=[clock],
            seed=number,
            verbose=0,
        )
        first, *later = (end - begin for begin, end in pairwise(ends))
        epoch = statistics.median(later)
        print(f"model {number}: first epoch {first:.2f}, a later one {epoch:.2f}, ", end="")
        print(f"so it cost {first - epoch:.2f}")


if __name__ == "__main__":
    main()
