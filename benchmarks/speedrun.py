"""Time the way to 98.0% on the test images, from the start of the process.

    python benchmarks/speedrun.py --rounds 3

Everybody trains the reference network from seed 0 in a process of its own, in turn: Python starts,
imports, loads the data, trains, and counts what it reads of the 10,000 test images.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

EPOCHS, BATCH_SIZE, RATE, DECAY = 10, 128, 3e-3, 0.1


def course() -> float:
    """Train by the recipe `quick`, on the first 48,000 images."""
    from mnist_course import evaluate, load_mnist, normalize, train

    mnist = load_mnist()
    model, _ = train(normalize(mnist.train_images), mnist.train_labels, recipe="quick", verbose=0)
    return evaluate(model, normalize(mnist.test_images), mnist.test_labels).accuracy


def keras_default() -> float:
    """Train as the recipe does, by `model.fit` as it comes."""
    return _keras()


def keras_tuned() -> float:
    """Train as the recipe does, by `model.fit` with the settings of an expert."""
    return _keras(steps_per_execution=125, jit_compile=True)


def _keras(**settings: object) -> float:
    import keras

    from mnist_course import load_mnist

    mnist = load_mnist()
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            *(dense(neurons, activation="relu") for neurons in (256, 128, 32)),
            dense(10, activation="softmax"),
        ]
    )
    schedule = keras.optimizers.schedules.CosineDecay(RATE, EPOCHS * 48_000 // BATCH_SIZE)
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=DECAY),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        **settings,
    )
    images = mnist.train_images.astype("float32") / 255
    options = {"epochs": EPOCHS, "batch_size": BATCH_SIZE, "verbose": 0}
    model.fit(images[:48_000], mnist.train_labels[:48_000], **options)
    test_images = mnist.test_images.astype("float32") / 255
    return model.evaluate(test_images, mnist.test_labels, verbose=0)[1]


def scikit_learn() -> float:
    """Train `MLPClassifier`, whose Adam knows no decay, for as many epochs."""
    from sklearn.neural_network import MLPClassifier

    from mnist_course import load_mnist

    mnist = load_mnist()
    model = MLPClassifier(
        (256, 128, 32), batch_size=BATCH_SIZE, max_iter=EPOCHS, random_state=0, tol=0
    )
    images = mnist.train_images.reshape(-1, 784).astype("float32") / 255
    model.fit(images[:48_000], mnist.train_labels[:48_000])
    return model.score(mnist.test_images.reshape(-1, 784) / 255, mnist.test_labels)


CONTESTANTS: dict[str, Callable[[], float]] = {
    "quick": course,
    "model.fit tuned": keras_tuned,
    "model.fit": keras_default,
    "scikit-learn": scikit_learn,
}


def main() -> None:
    """Let everybody run in turn, and print seconds and accuracy."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--run", choices=CONTESTANTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        print(json.dumps(CONTESTANTS[arguments.run]()))
        return
    loads = [os.getloadavg()[0]]
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in CONTESTANTS}
    for _ in range(arguments.rounds):
        for name, found in runs.items():
            begun = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-W", "ignore", __file__, "--run", name],
                capture_output=True,
                text=True,
                check=True,
                timeout=600,
                env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
            )
            seconds = time.perf_counter() - begun
            found.append((seconds, json.loads(done.stdout.splitlines()[-1])))
            print(f"{name}: {seconds:.1f} s, {found[-1][1]:.2%}", file=sys.stderr)
            loads.append(os.getloadavg()[0])
    load = f"load {min(loads):.1f} to {max(loads):.1f}"
    print(f"{arguments.rounds} rounds, {os.cpu_count()} cores, {load}")
    print(f"{'':16}{'seconds: min, median, max':>28}{'test accuracy':>16}")
    for name, found in runs.items():
        seconds, accuracies = zip(*found, strict=True)
        print(
            f"{name:16}{min(seconds):>10.1f}{statistics.median(seconds):>9.1f}{max(seconds):>9.1f}"
            f"{statistics.median(accuracies):>16.2%}"
        )


if __name__ == "__main__":
    main()
