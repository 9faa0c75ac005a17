"""Time the training of the reference network: `fit` against Keras and other libraries.

    python benchmarks/training.py --rounds 5

Every contestant trains 784-256-128-32-10 with Adam on the first 48,000 images of MNIST, reshuffled
each epoch, without validation. Each runs in a process of its own, so that its peak memory is its
own, and they take turns, so that a busy moment of the machine meets all of them. PyTorch and JAX
take part where they are installed. Keras takes part twice: as it comes, and with the settings that
a Keras expert would pick for a small network. How fast this machine multiplies matrices is
measured in the same run: it bounds what any of them can do.
"""

import argparse
import importlib
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

from mnist_course.data import load_mnist
from mnist_course.preprocessing import normalize

IMAGES = 48_000
LAYERS = [784, 256, 128, 32, 10]
LEARNING_RATE = 1e-3

# A contestant yields after each epoch the mean loss of that epoch, as the history of Keras has it.
Contestant = Callable[[np.ndarray, np.ndarray, int, int], Iterator[float]]


def course_fit(
    images: np.ndarray, labels: np.ndarray, epochs: int, batch_size: int
) -> Iterator[float]:
    """Train by `mnist_course.training.fitting.fit`."""
    from mnist_course.models import build_mlp
    from mnist_course.training.fitting import fit

    def train(model, *data, **settings):
        return fit(model, *data, seed=0, **settings)

    return _by_keras(train, build_mlp(seed=0), images, labels, epochs, batch_size)


def keras_fit(
    images: np.ndarray, labels: np.ndarray, epochs: int, batch_size: int
) -> Iterator[float]:
    """Train by `model.fit` as it comes."""
    from mnist_course.models import build_mlp

    def train(model, *data, **settings):
        return model.fit(*data, **settings)

    return _by_keras(train, build_mlp(seed=0), images, labels, epochs, batch_size)


def keras_fit_tuned(
    images: np.ndarray, labels: np.ndarray, epochs: int, batch_size: int
) -> Iterator[float]:
    """Train by `model.fit`, compiled by XLA, with Python after every 100th batch only."""
    from mnist_course.models import build_mlp

    def train(model, *data, **settings):
        model.compile(
            optimizer="adam",
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
            steps_per_execution=100,
            jit_compile=True,
        )
        return model.fit(*data, **settings)

    return _by_keras(train, build_mlp(seed=0), images, labels, epochs, batch_size)


def _by_keras(train, model, images, labels, epochs, batch_size) -> Iterator[float]:
    """Train in one call, as a learner would, and report the epochs as they ended."""
    import keras

    ends = []
    clock = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ends.append(_now()))
    history = train(
        model,
        images,
        labels,
        epochs=epochs,
        batch_size=batch_size,
        validation_split=0.0,
        callbacks=[clock],
        verbose=0,
    )
    return zip(history.history["loss"], ends, strict=True)


def pytorch(
    images: np.ndarray, labels: np.ndarray, epochs: int, batch_size: int
) -> Iterator[float]:
    """Train by PyTorch: tensors resident, fused Adam."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    layers = []
    for size, next_size in pairwise(LAYERS):
        layers += [nn.Linear(size, next_size), nn.ReLU()]
    model = nn.Sequential(nn.Flatten(), *layers[:-1])
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, eps=1e-7, fused=True)
    loss_of = nn.CrossEntropyLoss()
    x, y = torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64))
    for _ in range(epochs):
        total = torch.zeros(())
        for rows in torch.randperm(len(x)).split(batch_size):
            loss = loss_of(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(rows)
        yield float(total) / len(x)


def jax_scan(
    images: np.ndarray, labels: np.ndarray, epochs: int, batch_size: int
) -> Iterator[float]:
    """Train by JAX: one `lax.scan` over each epoch."""
    import jax
    import jax.numpy as jnp

    def loss_of(weights, x, y):
        for kernel, bias in weights[:-1]:
            x = jax.nn.relu(x @ kernel + bias)
        kernel, bias = weights[-1]
        log_probabilities = jax.nn.log_softmax(x @ kernel + bias)
        return -jnp.take_along_axis(log_probabilities, y[:, None], axis=1).mean()

    def step(x, y, state, rows):
        weights, first, second, t = state
        loss, gradient = jax.value_and_grad(loss_of)(weights, x[rows], y[rows])
        t = t + 1
        first = jax.tree.map(lambda m, g: m + 0.1 * (g - m), first, gradient)
        second = jax.tree.map(lambda v, g: v + 0.001 * (g * g - v), second, gradient)
        rate = LEARNING_RATE * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        weights = jax.tree.map(
            lambda w, m, v: w - rate * m / (jnp.sqrt(v) + 1e-7), weights, first, second
        )
        return (weights, first, second, t), loss

    @jax.jit
    def epoch(state, x, y, order):
        return jax.lax.scan(lambda state, rows: step(x, y, state, rows), state, order)

    rng = np.random.default_rng(0)
    weights = [
        (
            rng.uniform(-1, 1, (a, b)).astype(np.float32) * np.float32(np.sqrt(6 / (a + b))),
            np.zeros(b, np.float32),
        )
        for a, b in pairwise(LAYERS)
    ]
    zeros = jax.tree.map(jnp.zeros_like, weights)
    state = (weights, zeros, zeros, jnp.float32(0))
    x, y = jnp.asarray(images.reshape(len(images), -1)), jnp.asarray(labels.astype(np.int32))
    steps = len(x) // batch_size
    for _ in range(epochs):
        order = rng.permutation(len(x))[: steps * batch_size].reshape(steps, batch_size)
        state, losses = epoch(state, x, y, order)
        yield float(losses.mean())


def scikit_learn(
    images: np.ndarray, labels: np.ndarray, epochs: int, batch_size: int
) -> Iterator[float]:
    """Train by scikit-learn's `MLPClassifier`."""
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(LAYERS[1:-1], alpha=0.0, batch_size=batch_size, random_state=0)
    flat = images.reshape(len(images), -1)
    for _ in range(epochs):
        model.partial_fit(flat, labels, classes=np.arange(10))
        yield model.loss_


CONTESTANTS: dict[str, tuple[str, Contestant]] = {
    "fit": ("mnist_course.training.fitting", course_fit),
    "model.fit": ("mnist_course.models", keras_fit),
    "model.fit tuned": ("mnist_course.models", keras_fit_tuned),
    "PyTorch": ("torch", pytorch),
    "JAX": ("jax", jax_scan),
    "scikit-learn": ("sklearn.neural_network", scikit_learn),
}


def compete(name: str, epochs: int, batch_size: int) -> dict[str, object]:
    """Train in this process and measure it."""
    mnist = load_mnist()
    images, labels = normalize(mnist.train_images[:IMAGES]), mnist.train_labels[:IMAGES]
    del mnist
    module, contestant = CONTESTANTS[name]
    importlib.import_module(module)
    ends, losses = [_now()], []
    for result in contestant(images, labels, epochs, batch_size):
        loss, end = result if isinstance(result, tuple) else (result, _now())
        losses.append(loss)
        ends.append(end)
    total = _now() - ends[0]
    seconds, cpu_seconds = np.diff(ends, axis=0).T.tolist()
    return {
        "name": name,
        "images": len(images),
        "first": seconds[0],
        "later": seconds[1:],
        "later_cpu": cpu_seconds[1:],
        "total": total[0],
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "loss": losses[-1],
        "load": os.getloadavg()[0],
    }


def gigaflops_per_second(rounds: int = 20, size: int = 2000) -> float:
    """Return how many billion float32 operations a second a large matrix product does."""
    from mnist_course._backend import tf

    matrix = tf.random.stateless_uniform((size, size), (0, 0))
    product = tf.function(lambda a: tf.matmul(a, a))
    product(matrix)
    best = float("inf")
    for _ in range(rounds):
        begun = time.perf_counter()
        product(matrix).numpy()
        best = min(best, time.perf_counter() - begun)
    return 2 * size**3 / best / 1e9


def gigaflops_per_epoch() -> float:
    """Return the operations of an epoch's matrix products, forward and backward, in billions.

    Forward and for the gradient of the weights, each weight is multiplied and added once for every
    image; for the gradient of a layer's inputs once more, but not in the first layer.
    """
    products = [a * b for a, b in pairwise(LAYERS)]
    return 2 * IMAGES * (3 * sum(products) - products[0]) / 1e9


def _now() -> np.ndarray:
    """Return the time on the wall and the time on all cores, in seconds."""
    return np.array([time.perf_counter(), time.process_time()])


def in_own_process(name: str, arguments: argparse.Namespace) -> dict[str, object] | None:
    """Run one contestant; None if it fails or takes too long."""
    command = [sys.executable, __file__, "--compete", name]
    command += ["--epochs", str(arguments.epochs), "--batch-size", str(arguments.batch_size)]
    try:
        run = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=arguments.time_limit,
            check=True,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        )
    except subprocess.TimeoutExpired:
        print(f"{name}: longer than {arguments.time_limit} s", file=sys.stderr)
        return None
    except subprocess.CalledProcessError as error:
        print(f"{name}: {error.stderr}", file=sys.stderr)
        return None
    figures = json.loads(run.stdout.splitlines()[-1])
    print(f"{name}: {statistics.median(figures['later']):.2f} s per epoch", file=sys.stderr)
    return figures


def report(rounds: list[dict[str, dict]], epochs: int, batch_size: int) -> None:
    """Print seconds, memory and ratios to `fit`, each ratio taken within a round."""
    runs = [run for found in rounds for run in found.values()]
    loads = [run["load"] for run in runs]
    print(
        f"{runs[0]['images']} images, batch {batch_size}, {len(rounds)} rounds of {epochs} epochs, "
        f"{os.cpu_count()} cores, load {min(loads):.1f} to {max(loads):.1f}\n"
    )
    speed = gigaflops_per_second()
    least = gigaflops_per_epoch() / speed
    print(
        f"matrix products: {speed:.0f} GFLOP/s, at which the {gigaflops_per_epoch():.1f} GFLOP of "
        f"an epoch take {least:.2f} s\n"
    )
    print(
        f"{'':16}{'seconds per epoch':^24}{'cores x s':>10}{'first':>8}{f'{epochs} epochs':>11}"
        f"{'peak MB':>9}{'loss':>9}   times the seconds of fit, by round"
    )
    print(f"{'':16}{'min':>8}{'median':>8}{'max':>8}")
    for name in CONTESTANTS:
        runs = [(found[name], found.get("fit")) for found in rounds if found.get(name)]
        if not runs:
            continue
        epochs_of = [seconds for run, _ in runs for seconds in run["later"]]
        cpu_of = [seconds for run, _ in runs for seconds in run["later_cpu"]]
        ratios = [
            statistics.median(run["later"]) / statistics.median(fit["later"])
            for run, fit in runs
            if fit and name != "fit"
        ]
        middle = {
            key: statistics.median(run[key] for run, _ in runs)
            for key in ("first", "total", "megabytes", "loss")
        }
        print(
            f"{name:16}{min(epochs_of):8.2f}{statistics.median(epochs_of):8.2f}"
            f"{max(epochs_of):8.2f}{statistics.median(cpu_of):10.2f}{middle['first']:8.2f}{middle['total']:11.1f}"
            f"{middle['megabytes']:9.0f}{middle['loss']:9.4f}   "
            + (
                f"{min(ratios):.2f} {statistics.median(ratios):.2f} {max(ratios):.2f}"
                if ratios
                else f"{statistics.median(epochs_of) / least:.2f} times what the products allow"
            )
        )


def main() -> None:
    """Parse the command line; run the rounds, or one contestant of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=4, help="2 or more; the first is apart")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--time-limit", type=float, default=900, help="seconds per contestant")
    parser.add_argument("--json", action="store_true", help="print the raw figures instead")
    parser.add_argument("--compete", choices=CONTESTANTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.epochs < 2:
        parser.error("--epochs must be 2 or more: the first epoch includes compilation")
    if arguments.compete:
        print(json.dumps(compete(arguments.compete, arguments.epochs, arguments.batch_size)))
        return

    present = [
        name
        for name in arguments.only
        if importlib.util.find_spec(CONTESTANTS[name][0].split(".")[0]) is not None
    ]
    rounds = []
    for _ in range(arguments.rounds):
        found = {name: in_own_process(name, arguments) for name in present}
        rounds.append({name: run for name, run in found.items() if run})
    if arguments.json:
        print(json.dumps(rounds, indent=1))
    else:
        report(rounds, arguments.epochs, arguments.batch_size)


if __name__ == "__main__":
    main()
