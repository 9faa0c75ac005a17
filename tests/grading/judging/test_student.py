"""The learner's process answers questions, and whatever it does, this side gets a sentence."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import pytest

from mnist_course.grading.judging.student import (
    NotAttemptedError,
    Session,
    Student,
    StudentError,
    Unconfined,
)
from mnist_course.grading.sandbox.limits import Limits

Ask = Callable[..., AbstractContextManager[Student]]


@pytest.fixture
def student() -> Ask:
    @contextmanager
    def of(*cells: str, seconds: float = 60.0, per_call: float = 30.0) -> Iterator[Student]:
        named = [(f"cell_{number}", code) for number, code in enumerate(cells)]
        limits = Limits(seconds_per_cell=seconds, seconds_per_call=per_call)
        with Session(named, spawn=Unconfined(limits).spawn) as session:
            yield Student(session, "cell_0")

    return of


def test_calls_a_function_and_returns_its_answer(student: Ask) -> None:
    with student("def double(x, times=2):\n    return {'twice': times * x}") as s:
        np.testing.assert_array_equal(s.call("double", np.arange(3))["twice"], [0, 2, 4])
        assert s.call("double", 3, 5) == {"twice": 15}


def test_the_time_limit_of_a_call_ends_with_its_answer(student: Ask) -> None:
    with student("def f():\n    return 1", per_call=1.0) as s:
        assert s.call("f") == 1
        time.sleep(1.5)  # while a hidden test computes what it expects
        assert s.call("f") == 1


def test_tells_what_became_of_the_arguments(student: Ask) -> None:
    with student("def clear(x):\n    x[:] = 0\n    return 1") as s:
        given = np.arange(3)
        answer, (after,) = s.call("clear", given, after=True)
        assert answer == 1
        np.testing.assert_array_equal(after, [0, 0, 0])
        np.testing.assert_array_equal(given, [0, 1, 2])


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (
            "def f():\n    return 1 / 0",
            "`f` stopped with ZeroDivisionError at your line 2, `return 1 / 0`. The error's own",
        ),
        (
            "\n\nf = 1 / 0",
            "Your cell `cell_0` stopped with ZeroDivisionError: `division by zero` at your line",
        ),
        ("f = 3", "`f` is of type int; it should be a function."),
        ("def f():\n    pass", "`f` returned None"),
        ("def f(x):\n    return x", "`f` stopped with TypeError"),
        ("def f():\n    while True: pass", "`f` took too long and was stopped."),
        ("g = 3", "`f` does not exist after the notebook ran."),
        ("1 / 0\ndef f():\n    return 1", "Your cell `cell_0` stopped with ZeroDivisionError"),
        ("def f(:", "Your cell `cell_0` stopped with SyntaxError"),
        ("import os\ndef f():\n    os._exit(0)", "`f` ended the process"),
        ("import sys\ndef f():\n    sys.exit(0)", "`f` stopped with SystemExit"),
        ("def f():\n    raise KeyboardInterrupt", "`f` stopped with KeyboardInterrupt"),
    ],
)
def test_a_failure_becomes_a_sentence(student: Ask, code: str, sentence: str) -> None:
    with student(code, per_call=2.0) as s, pytest.raises(StudentError) as raised:
        s.call("f")
    assert sentence in str(raised.value)
    assert not isinstance(raised.value, NotAttemptedError)


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    raise NotImplementedError",
        "raise NotImplementedError",
        "f = None\nraise NotImplementedError",
        "f = None",
    ],
)
def test_what_was_not_attempted_is_told_apart(student: Ask, code: str) -> None:
    with student(code) as s:
        for ask in (s.call, s.json, s.figure):
            if ask == s.json and code.startswith("def"):
                continue
            with pytest.raises(NotAttemptedError, match="`f` was not attempted"):
                ask("f")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (
            "def f():\n    raise NotImplementedError()\n    return 3",
            "`f` stopped at the line `raise NotImplementedError()`. Nothing",
        ),
        (
            "raise NotImplementedError()\nf = 3",
            "Your cell `cell_0` stopped at the line `raise NotImplementedError()`. Not",
        ),
        ("f = None", "`f` is None after the notebook ran."),
    ],
)
def test_what_was_written_is_never_called_not_attempted(code: str, sentence: str) -> None:
    cells = [("cell_0", code)]
    with (
        Session(cells, spawn=Unconfined().spawn, written=["cell_0"]) as session,
        pytest.raises(StudentError) as raised,
    ):
        Student(session, "cell_0").call("f")
    assert sentence in str(raised.value)
    assert not isinstance(raised.value, NotAttemptedError)


def test_a_failed_cell_does_not_stop_the_others(student: Ask) -> None:
    with student("1 / 0", "def f():\n    return 5") as s:
        assert s.call("f") == 5
        assert list(s.session.failures) == ["cell_0"]


def test_an_endless_cell_is_stopped_and_the_others_run(student: Ask) -> None:
    with student("while True:\n    pass", "y = 5", seconds=1.0) as s:
        assert s.json("y") == 5
        assert s.session.failures == {"cell_0": (False, "took too long and was stopped.")}


def test_a_cell_that_ignores_the_alarm_is_killed(
    student: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnist_course.grading.judging.student.GRACE", 1.0)
    stubborn = """
import time
while True:
    try:
        time.sleep(9)
    except BaseException:
        pass
"""
    with student(stubborn, "y = 5", seconds=1.0) as s:
        assert s.session.failures["cell_0"] == (False, "took too long and was stopped.")
        with pytest.raises(StudentError, match="took too long"):
            s.json("y")


def test_the_process_is_gone_afterwards(student: Ask) -> None:
    with student("import os\npid = os.getpid()") as s:
        pid = s.json("pid")
        assert pid != os.getpid()
    for _ in range(50):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("the process is still there")


def test_runs_start_clean(student: Ask) -> None:
    with student("import numpy\nnumpy.mark = 1\nopen('file', 'w').close()") as s:
        assert s.session.failures == {}
    with student("import os, numpy\nseen = [hasattr(numpy, 'mark'), os.listdir()]") as s:
        assert s.json("seen") == [False, []]


def test_a_model_of_keras_predicts_classes_and_nothing_else_does(student: Ask) -> None:
    images = np.random.default_rng(0).random((7, 28, 28), np.float32)
    code = """
import keras
from mnist_course import build_mlp
model = build_mlp(seed=0)
class Constant(keras.Model):
    def predict(self, images, **options):
        return [[0, 0, 1]] * len(images)
class Bad(keras.Model):
    def predict(self, images, **options):
        return images
class Other:
    def predict(self, images):
        return [3] * len(images)
constant, bad, other, number = Constant(), Bad(), Other(), 4
"""
    from mnist_course import build_mlp

    with student(code) as s:
        model = build_mlp(seed=0)
        expected = model.predict(images, verbose=0)
        np.testing.assert_array_equal(s.predict("model", images), expected.argmax(axis=1))
        np.testing.assert_allclose(s.outputs("model", images), expected, atol=1e-5)
        assert s.session.testimony == {}
        np.testing.assert_array_equal(s.predict("constant", images), [2] * 7)
        assert "'Constant'" in s.session.testimony["cell_0"]
        with pytest.raises(StudentError, match="did not predict one class for each image"):
            s.predict("bad", images)
        with pytest.raises(StudentError, match="of another type; it should be a Keras model"):
            s.predict("other", images)
        with pytest.raises(StudentError, match="of type int; it should be a Keras model"):
            s.describe("number")


def test_how_a_clean_process_ended_is_told(student: Ask) -> None:
    code = "import keras\nmodel = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])"
    images = np.ones((1, 4), np.float32)
    with student(code) as s:
        s.outputs("model", images)
        clean = s.session._clean
        assert clean is not None
        clean.child.kill("out_of_memory")
        with pytest.raises(StudentError, match="`model` used too much memory and was stopped"):
            s.outputs("model", images)


def test_a_model_is_judged_as_it_was_at_its_first_question(student: Ask) -> None:
    code = """
import keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
def change(number):
    model.set_weights([weight + number for weight in model.get_weights()])
    return True
"""
    with student(code) as s:
        before = s.outputs("model", np.ones((1, 4), np.float32))
        s.call("change", 1.0)
        np.testing.assert_array_equal(s.outputs("model", np.ones((1, 4), np.float32)), before)
        assert s.session.testimony == {}


def test_a_model_may_have_its_weights_after_its_first_use(student: Ask) -> None:
    code = "import keras\nmodel = keras.Sequential([keras.layers.Dense(3)])"
    with student(code) as s:
        assert s.describe("model")["parameters"] is None
        assert s.outputs("model", np.ones((1, 4), np.float32)).shape == (1, 3)
        description = s.describe("model")
        assert (description["parameters"], description["optimizer"]) == (15, None)
        assert s.session.testimony == {}


def test_describes_a_model_and_its_history(student: Ask) -> None:
    code = """
import numpy as np
from mnist_course import build_mlp, fit
model = build_mlp(seed=0)
images, labels = np.zeros((20, 28, 28), 'f'), np.zeros(20, int)
history = fit(model, images, labels, epochs=2, validation_split=0.2, verbose=0)
"""
    with student(code) as s:
        model = s.describe("model")
        assert model["parameters"] == model["trainable"] == 238_314
        assert [layer["units"] for layer in model["layers"]] == [None, 256, 128, 32, 10]
        assert model["layers"][1]["activation"] == "relu"
        assert model["layers"][1]["weights"][0].shape == (784, 256)
        assert model["optimizer"] == "Adam"
        assert model["learning_rate"] == pytest.approx(1e-3)
        assert model["loss"] == "SparseCategoricalCrossentropy"
        assert model["from_logits"] is False
        assert model["metrics"] == ["accuracy"]
        assert len(s.json("history")["val_loss"]) == 2
        assert s.session.testimony == {}


def test_what_a_model_was_compiled_with_may_be_the_learners_own(student: Ask) -> None:
    code = """
import keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
def loss(labels, outputs):
    return keras.ops.mean(outputs)
model.compile("sgd", loss)
"""
    with student(code) as s:
        assert s.outputs("model", np.ones((1, 4), np.float32)).shape == (1, 3)
        assert s.session.testimony == {}
        assert s.describe("model")["loss"] == "loss"
        assert "parts that are not built in" in s.session.testimony["cell_0"]


def test_a_figure_is_known_by_what_it_shows(student: Ask) -> None:
    code = """
import matplotlib.pyplot as plt
def draw(values):
    plt.bar(range(len(values)), values)
    plt.xlabel('digit')
def nothing():
    return 1
"""
    with student(code) as s:
        (panel,) = s.figure("draw", [3.0, 1.0])
        assert panel.xlabel == "digit"
        assert panel.bars == [(0, 3), (1, 1)]
        with pytest.raises(StudentError, match="`nothing` drew no figure"):
            s.figure("nothing")
