"""What the check of a Keras model measures: only that is stated."""

from collections.abc import Callable
from typing import Any

import pytest
from helpers import one_in_six

from mnist_course._backend import keras
from mnist_course.checks import building as check
from mnist_course.checks.core import CheckError

layers = keras.layers
SPARSE = "sparse_categorical_crossentropy"


def network(
    *,
    names: tuple[Any, ...] = ("relu", "relu", "relu", "softmax"),
    sizes: tuple[int, ...] = (256, 128, 32, 10),
    shape: tuple[int, ...] = (28, 28),
    first: Callable[[], Any] = layers.Flatten,
    before_last: Callable[[], Any] | None = None,
    compiled: bool = True,
    metrics: Any = ("accuracy",),
    optimizer: Callable[[], Any] = lambda: "adam",
    loss: Any = SPARSE,
    **dense: Any,
) -> Callable[[], Any]:
    """Make a function that builds the network of the task, but for what is named."""

    def build_network():
        model = keras.Sequential([keras.Input(shape), first()])
        for name, size in zip(names[:-1], sizes[:-1], strict=True):
            model.add(layers.Dense(size, activation=name, **dense))
        if before_last:
            model.add(before_last())
        model.add(layers.Dense(sizes[-1], activation=names[-1], **dense))
        if compiled:
            model.compile(optimizer=optimizer(), loss=loss, metrics=metrics)
        return model

    return build_network


def divide_and_flatten():
    return keras.Sequential([layers.Rescaling(1 / 255), layers.Flatten()])


CLASS = keras.losses.SparseCategoricalCrossentropy
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "input": ({"shape": (784,)}, "takes inputs of shape (784,); expected (28, 28)"),
    "flatten": ({"first": layers.ReLU}, "are ReLU, Dense, Dense, Dense, Dense, without a Flatten"),
    "order": (
        {"sizes": (32, 128, 256, 10)},
        "have 32, 128, 256, 10 neurons, in this order; expected 256, 128, 32, 10. The sizes are "
        "right; their order isn't.",
    ),
    "sizes": ({"sizes": (256, 64, 32, 10)}, "256, 64, 32, 10 neurons, in this order; expected 256"),
    "outputs": ({"sizes": (256, 128, 32, 11)}, "the result has shape (16, 11); expected (16, 10)"),
    "no_biases": ({"use_bias": False}, "the Dense layer of 256 neurons has no biases"),
    "batch": ({"before_last": layers.BatchNormalization}, "Its BatchNormalization has some, too."),
    "zeros": ({"kernel_initializer": "zeros"}, "different images the same ten numbers"),
    "linear": ({"names": (None, None, None, "softmax")}, "Dense layer 1 has no activation"),
    "gelu": ({"names": ("relu", "gelu", "relu", "softmax")}, "Dense layer 2 has GELU; expected"),
    "logits": ({"names": ("relu",) * 3 + (None,)}, "expected 1. The last layer has no activation"),
    "sigmoid": ({"names": ("relu",) * 3 + ("sigmoid",)}, "The last layer has sigmoid, which looks"),
    "twice": (
        {"names": ("relu",) * 3 + (lambda s: keras.ops.softmax(keras.ops.softmax(s)),)},
        "those of softmax applied twice; expected once",
    ),
    "divides": ({"first": divide_and_flatten}, "the network divides its images by 255"),
    "other": (
        {"names": ("relu", lambda sums: keras.ops.relu(sums) ** 2, "relu", "softmax")},
        "with its own weights, these give other outputs, by up to",
    ),
    "frozen": ({"trainable": False}, "training can change 0 of the 238,314 parameters"),
    "dropout": (
        {"before_last": lambda: layers.Dropout(0.2)},
        "in training, the network gives other answers than in use, by up to",
    ),
    "no_dropout": (
        {"before_last": lambda: layers.Dropout(0.0)},
        "the layers are Flatten, Dense(256, relu), Dense(128, relu), Dense(32, relu), Dropout, "
        "Dense(10, softmax); expected those of the table and no others.",
    ),
    "uncompiled": ({"compiled": False}, "isn't compiled yet"),
    "sgd": ({"optimizer": lambda: "sgd"}, "the optimizer is SGD; expected Adam."),
    "rate": (
        {"optimizer": lambda: keras.optimizers.Adam(0.1)},
        "Adam's learning rate is 0.1; expected 0.001, its default.",
    ),
    "decay": (
        {"optimizer": lambda: keras.optimizers.Adam(0.001, weight_decay=0.01)},
        "Adam has weight_decay=0.01; expected Adam with its defaults.",
    ),
    "class": (
        {"optimizer": lambda: keras.optimizers.Adam},
        "`Adam` is a class; `Adam()`, with parentheses, makes one.",
    ),
    "mse": ({"loss": "mse"}, f"the loss is mse; expected {SPARSE}."),
    "exchanged": (
        {"loss": "accuracy", "metrics": [SPARSE]},
        f"the loss is accuracy, and the metric is {SPARSE}: these two are exchanged.",
    ),
    "dense_labels": ({"loss": "categorical_crossentropy"}, "there's the *sparse* one"),
    "misspelled": ({"loss": "crossentropie"}, "Keras has no loss named 'crossentropie'"),
    "loss_class": ({"loss": CLASS}, "`SparseCategoricalCrossentropy()`, with parentheses"),
    "loss_list": ({"loss": [SPARSE]}, f"the loss is ['{SPARSE}']; expected {SPARSE}."),
    "from_logits": ({"loss": CLASS(from_logits=True)}, "the loss expects logits"),
    "no_metric": ({"metrics": None}, "no metric is named"),
    "metric_text": ({"metrics": "accuracy"}, "Expected `metrics` argument to be a list"),
    "metric_mse": ({"metrics": ["mse"]}, "the metrics are mse; expected accuracy, in a list"),
    "metric_dense": ({"metrics": ["categorical_accuracy"]}, "half are read correctly, yours say"),
    "metric_unknown": ({"metrics": ["acuracy"]}, "Keras has no metric named 'acuracy'"),
    "regularizer": ({"kernel_regularizer": "l2"}, "their cross-entropy. Is something added to it"),
}


@pytest.mark.parametrize(("changes", "said"), one_in_six(WRONG))
def test_what_differs_is_measured(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(CheckError) as raised:
        check.build_network(network(**changes))
    assert said in str(raised.value)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"shape": (28, 28, 1)},
        {"loss": CLASS(), "metrics": [keras.metrics.SparseCategoricalAccuracy()]},
        {
            "optimizer": lambda: keras.optimizers.Adam(learning_rate=1e-3),
            "metrics": ["acc", SPARSE],
        },
    ],
)
def test_other_ways_to_write_it_are_praised(
    changes: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    check.build_network(network(**changes))
    assert "238,314 parameters, ready to learn." in capsys.readouterr().out


def test_what_compile_returns_is_seen_in_the_source() -> None:
    def build_network():
        model = network()()
        return model.compile("adam", SPARSE)

    with pytest.raises(CheckError, match="returns what `compile` returns, which is nothing"):
        check.build_network(build_network)


def test_metrics_in_the_place_of_loss_weights_are_seen() -> None:
    def build_network():
        model = network(compiled=False)()
        model.compile("adam", SPARSE, ["accuracy"])
        return model

    with pytest.raises(CheckError, match="in the third place of `compile`"):
        check.build_network(build_network)


def test_a_late_flatten_is_seen() -> None:
    def build_network():
        hidden = [layers.Dense(size, activation="relu") for size in (256, 128, 32)]
        last = [layers.Flatten(), layers.Dense(10, activation="softmax")]
        model = keras.Sequential([keras.Input((28, 28)), *hidden, *last])
        model.compile("adam", SPARSE, metrics=["accuracy"])
        return model

    with pytest.raises(CheckError, match="Flatten comes after a Dense layer; expected it before"):
        check.build_network(build_network)
