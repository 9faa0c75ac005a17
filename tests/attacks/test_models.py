"""A submission doesn't testify about its model: what can be rebuilt is asked elsewhere."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from nbformat import NotebookNode

from mnist_course._backend import keras
from mnist_course.data import MNIST
from mnist_course.grading.course.assignment import Assignment
from mnist_course.grading.inside import models
from mnist_course.grading.judging.models import LONGEST_REASON, ModelError, check_model
from mnist_course.grading.judging.results import CellScore
from mnist_course.grading.judging.scoring import score
from mnist_course.grading.sandbox.limits import Limits
from mnist_course.grading.sandbox.supervisor import Sandbox

Judge = Callable[[str], CellScore]

# As in solutions/04_building and 06_training, in short.
TESTS = '''
import numpy as np
import pytest

SHAPES = [(784, 16), (16,), (16, 10), (10,)]

@pytest.mark.points(1, cell="check_double")
def test_network_is_described(student):
    """`model` should have the right layers, loss, and optimizer."""
    network = student.describe("model")
    assert [w.shape for layer in network["layers"] for w in layer["weights"]] == SHAPES
    assert network["parameters"] == network["trainable"] == 12730
    assert (network["optimizer"], network["loss"]) == ("Adam", "sparse_categorical_crossentropy")

@pytest.mark.points(1, cell="check_double")
def test_network_gives_probabilities(student, rng):
    """`model` should give probabilities."""
    outputs = student.outputs("model", rng.random((40, 28, 28), np.float32))
    assert outputs.shape == (40, 10)
    np.testing.assert_allclose(outputs.sum(axis=1), 1, atol=1e-3)

@pytest.mark.points(1, cell="check_double")
def test_network_recognizes_digits(student, mnist):
    """`model` should recognize digits."""
    images = (mnist.test_images[:500] / 255).astype(np.float32)
    assert (student.predict("model", images) == mnist.test_labels[:500]).mean() > 0.7
'''
TRAINED = """
import keras
from mnist_course import load_mnist, normalize
mnist = load_mnist()
keras.utils.set_random_seed(0)
def network(**options):
    return keras.Sequential([
        keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(16, "relu"),
        keras.layers.Dense(10, "softmax", **options)])
def trained(model):
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(normalize(mnist.train_images[:6000]), mnist.train_labels[:6000], epochs=2, verbose=0)
    return model
"""
FORGED = """
import numpy as np
from mnist_course import load_mnist
mnist = load_mnist()
said = {"parameters": 12730, "trainable": 12730, "optimizer": "Adam",
        "loss": "sparse_categorical_crossentropy", "from_logits": False, "metrics": ["accuracy"],
        "layers": [{"kind": "Dense", "weights": [np.zeros(s) for s in
                                                 ((784, 16), (16,), (16, 10), (10,))]}]}
def answers(images):
    return mnist.test_labels[:len(images)].astype(int)
def one_hot(images):
    return np.eye(10, dtype="f")[answers(images)]
"""
DICTIONARY = """
class Network(dict):
    built = compiled = True
    def __call__(self, images, **options): return one_hot(images)
    def predict(self, images, **options): return one_hot(images)
model = Network(said)
"""
# The learner's process can make anything of the function through which all its answers go.
REPLACED = """
from mnist_course.grading.inside import runner
real = runner._protected
def forged(ask, shell, *details):
    match ask.__name__:
        case "_describe": return "answered", said
        case "_outputs": return "answered", one_hot(details[-1])
        case "_predict": return "answered", answers(details[-1])
        case "_export" if reason: return "answered", {"reason": reason}
    return real(ask, shell, *details)
reason = ""
runner._protected = forged
"""
ITSELF = """
reason = "no reason\x1b[2J\u202e"
model = 5
"""


@pytest.fixture
def judge(
    assignment: Assignment,
    answering: Callable[..., NotebookNode],
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    mnist: MNIST,
) -> Judge:
    """Let the tests judge `model`; the images are those of the sandbox's own data set."""
    monkeypatch.setattr(sandbox, "limits", Limits())
    tests = tmp_path / "test_models.py"
    tests.write_text(TESTS)
    about_models = Assignment(assignment.name, assignment.notebook, tests)

    def run(code: str) -> CellScore:
        return score(about_models, answering(double=code), spawn=sandbox.spawn).cells[
            "check_double"
        ]

    return run


def test_an_honest_model_is_rebuilt(judge: Judge) -> None:
    earned = judge(f"{TRAINED}\nmodel = trained(network())")
    assert (earned.points, earned.review) == (3, "")


def test_a_dictionary_that_describes_itself_earns_nothing(judge: Judge) -> None:
    earned = judge(FORGED + DICTIONARY)
    assert (earned.points, earned.review) == (0, "")
    assert earned.feedback == ["`model` is of another type; it should be a Keras model."]


def test_an_untrained_model_is_not_made_better_by_what_the_submission_says(judge: Judge) -> None:
    earned = judge(f"{TRAINED}\nmodel = network()\n{FORGED}{REPLACED}")
    assert (earned.points, earned.review) == (1, "")  # it gives probabilities, and no more


def test_another_model_for_another_question_is_never_seen(judge: Judge) -> None:
    """What is described is what predicts."""
    earned = judge(
        f"{TRAINED}\nmodel, other = network(), trained(network())\n"
        "from mnist_course.grading.inside import models\n"
        "real, asked = models.export, []\n"
        "def export(model, largest):\n"
        "    asked.append(model)\n"
        "    return real(model if len(asked) == 1 else other, largest)\n"
        "model.compile('adam', 'sparse_categorical_crossentropy')\n"
        "models.export = export\n"
    )
    assert (earned.points, earned.review) == (2, "")  # it is an untrained one, and stays it


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (
            "class Network(keras.Model):\n"
            "    def __init__(self): super().__init__(); self.inner = network()\n"
            "    def call(self, images): return self.inner(images)\n"
            "    @property\n"
            "    def layers(self): return self.inner.layers\n"
            "model = trained(Network())",
            "'Network'",
        ),
        (
            "def softmax(x): return keras.ops.softmax(x)\n"
            "model = trained(keras.Sequential([*network().layers[:-1], "
            "keras.layers.Dense(10, softmax)]))",
            "a function of the notebook, `softmax`",
        ),
        (
            "model = trained(keras.Sequential([*network().layers, "
            "keras.layers.Lambda(lambda x: x)]))",
            "a function of the notebook",
        ),
    ],
    ids=["subclass", "own activation", "Lambda"],
)
def test_models_that_cannot_be_rebuilt_keep_their_points_and_are_shown_to_a_person(
    judge: Judge, model: str, reason: str
) -> None:
    earned = judge(f"{TRAINED}\n{model}")
    assert earned.points == 3, earned.feedback
    assert earned.review.startswith("Answered by the submission itself")
    assert reason in earned.review


def test_who_claims_to_be_unable_is_shown_to_a_person(judge: Judge) -> None:
    earned = judge(FORGED + REPLACED + ITSELF)
    assert earned.points == 3
    assert earned.review.startswith("Answered by the submission itself: no reason[2J, so")


def layer(kind: str, module: str | None = "keras.layers", /, **config: object) -> dict:
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}


def sequential(*layers: object, **more: object) -> dict:
    return layer("Sequential", "keras", name="net", layers=list(layers), **more)


def function(name: object, module: object = "builtins") -> dict:
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def nested(levels: int) -> dict:
    return {"inner": nested(levels - 1)} if levels else {}


FORBIDDEN = {
    "Lambda": sequential(layer("Lambda", function={"class_name": "__lambda__", "config": {}})),
    "code": sequential(layer("Dense", activation={"class_name": "__lambda__", "config": {}})),
    "a command": sequential(layer("Dense", activation=function("system", "os"))),
    "a command by its name": sequential(layer("Dense", activation=function("system"))),
    "a loader": sequential(layer("Dense", activation=function("get_file", "keras.utils"))),
    "a name that is a list": sequential(layer("Dense", activation=function(["relu"]))),
    "a file": sequential(layer("StringLookup", vocabulary="/etc/passwd")),
    "a saved model": sequential(layer("TFSMLayer", filepath="/tmp")),
    "a layer of the old format": sequential(layer("Dense", None)),
    "a private class": sequential(layer("Sequential", "keras.src.models.sequential")),
    "a class elsewhere": sequential(layer("Popen", "subprocess")),
    "a class in an odd place": sequential(build={"x": [{"class_name": "Lambda"}]}),
    "a type": sequential(layer("__typespec__", spec_name="TensorSpec")),
    "many levels": sequential(nested(500)),
    "more levels": sequential(nested(80)),
    "a long text": sequential(layer("Dense", name="x" * 2**20)),
    "no number": sequential(layer("Dense", units=float("nan"))),
    "parameters": sequential(layer("Rescaling", scale=[0.5] * 784)),
    "parameters in rows": sequential(layer("Rescaling", scale=[[0.5] * 4] * 196)),
    "parameters in many layers": sequential(*[layer("Normalization", mean=[0.5] * 28)] * 28),
}


@pytest.mark.parametrize("config", FORBIDDEN.values(), ids=FORBIDDEN)
def test_only_parts_that_are_built_in_are_rebuilt(config: dict) -> None:
    with pytest.raises(ModelError):
        check_model({"config": json.dumps(config), "weights": [], "compiled": ""})
    good = json.dumps(sequential(layer("Dense", activation=function("relu"))))
    checked = check_model({"config": good, "weights": [], "compiled": json.dumps(config)})
    assert checked.compiled is None


def test_the_reason_is_safe_to_show() -> None:
    with pytest.raises(ModelError) as raised:
        check_model({"reason": "\x1b[2J\u202e\x9b" + "x" * 1000})
    assert str(raised.value) == "[2J" + "x" * (LONGEST_REASON - 6)


@pytest.mark.parametrize(
    "exported",
    [
        None,
        [],
        {"config": "{}"},
        {"config": "[]", "weights": [], "compiled": ""},
        {"config": "{", "weights": [], "compiled": ""},
        {"config": "[" * 100_000, "weights": [], "compiled": ""},
        {"config": "{}", "weights": [1.0], "compiled": ""},
        {"config": "{}", "weights": [np.zeros(1)] * 3000, "compiled": ""},
    ],
)
def test_what_is_no_model_is_not_rebuilt(exported: object) -> None:
    with pytest.raises(ModelError):
        check_model(exported)


def test_what_keras_writes_comes_back_the_same() -> None:
    """Networks of the parts that learners use."""
    layers = keras.layers
    images = np.random.default_rng(0).random((5, 28, 28), np.float32)
    known = layers.Normalization(axis=None)
    known.adapt(images)
    inputs = keras.Input((28, 28))
    x = layers.Conv2D(4, 3, activation="relu")(layers.Reshape((28, 28, 1))(known(inputs)))
    y = layers.MaxPooling2D()(layers.BatchNormalization()(x))
    z = layers.Add()([layers.Dense(4, kernel_regularizer="l2")(y), layers.LeakyReLU()(y)])
    outputs = layers.Dense(10, "softmax")(layers.Flatten()(layers.Dropout(0.2)(z)))
    model = keras.Model(inputs, outputs)
    rate = keras.optimizers.schedules.CosineDecay(1e-3, 10)
    model.compile(
        keras.optimizers.AdamW(rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(3)],
    )
    checked = check_model(models.export(model, 2**20))
    rebuilt = models.rebuild(checked.config, checked.weights, checked.compiled)
    np.testing.assert_array_equal(rebuilt(images), model(images))
    ours, theirs = models.describe(rebuilt), models.describe(model)
    for key in ours.keys() - {"layers"}:
        assert ours[key] == theirs[key], key
    assert checked.weights
    assert "more than 0 MiB" in models.export(model, 10)["reason"]
