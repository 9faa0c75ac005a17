"""No submission gets a point that its answers do not earn, whatever else it does."""

import hashlib
import importlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from mnist_course.grading.course.assignment import Assignment
from mnist_course.grading.judging.results import Result
from mnist_course.grading.judging.scoring import score
from mnist_course.grading.sandbox.supervisor import Sandbox

Grade = Callable[..., Result]
Answering = Callable[..., NotebookNode]
GREETING_ONLY = {"check_double": 0, "check_greet": 1}
SECRET = "hidden-under-a-stone"  # of the fixtures, too
DIGEST = hashlib.sha256(SECRET.encode()).hexdigest()
WRONG = "\ndef double(number):\n    return 0"


def points(result: Result) -> dict[str, float]:
    return {name: earned.points for name, earned in result.cells.items()}


# What pretends to be right without being it, by what it attacks. None of them computes a double.
PRETENDERS = {
    "always equal": """
class Equal:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __bool__(self): return True
    def all(self): return True
    def __array_ufunc__(self, *args, **kwargs): return self
def double(number): return Equal()""",
    "array that is always equal": """
class Equal(np.ndarray):
    def __eq__(self, other): return np.True_
    def all(self): return True
def double(number): return np.zeros(np.shape(number)).view(Equal)""",
    "number that is always equal": """
class Equal(int):
    def __eq__(self, other): return True
    __hash__ = None
def double(number): return Equal()""",
    "nothing": "def double(number): return np.array([])",
    "not a number": "def double(number): return np.full(np.shape(number), np.nan)",
    "what was given, spoiled": """
def double(number):
    if np.ndim(number): number[:] = 0
    return number""",
    "assert dropped": """
import ast
class Drop(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.Pass()
get_ipython().ast_transformers.append(Drop())"""
    + WRONG,
    "run_cell": """
from IPython.core.interactiveshell import InteractiveShell, ExecutionResult
def fine(self, *args, **kwargs): return ExecutionResult(None)
InteractiveShell.run_cell = InteractiveShell.run_cell_async = InteractiveShell.run_code = fine
type(get_ipython()).run_cell = fine"""
    + WRONG,
    "do_execute": """
from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelbase import Kernel
async def fine(self, *args, **kwargs): return {"status": "ok"}
IPythonKernel.do_execute = Kernel.do_execute = fine"""
    + WRONG,
    "libraries": """
import keras, numpy.testing, pytest, sklearn.metrics, unittest, mnist_course.checks.core as core
np.array_equal = np.allclose = np.all = lambda *args, **kwargs: True
for name in dir(numpy.testing):
    if name.startswith("assert"): setattr(numpy.testing, name, lambda *args, **kwargs: None)
sklearn.metrics.accuracy_score = lambda *args: 1.0
keras.Model.evaluate = lambda *args, **kwargs: [0.0, 1.0]
pytest.fail = pytest.raises = core.CheckError = core.explain = lambda *args, **kwargs: ""
unittest.TestCase.assertEqual = lambda *args: None"""
    + WRONG,
    "the course's own grading": """
import sys
from mnist_course.grading.inside import messages, runner
from mnist_course.grading.judging import results, scoring
scoring.score = lambda *args, **kwargs: results.Result("graded", "", 0.0, {}, "")
results.CellScore.points = results.Result.score = results.Result.max_score = 100.0
runner._protected = lambda ask, *details: ("answered", True)
runner._call = lambda *args: (True, ())
messages.Other.__eq__ = lambda *args: True"""
    + WRONG,
    "skipped": """
import pytest, unittest
def double(number):
    raise pytest.skip.Exception("not today") if np.ndim(number) else unittest.SkipTest()""",
    "pytest ended": """
import pytest
def double(number): pytest.exit("well done", returncode=0)""",
    "left with success": "import sys\ndef double(number): sys.exit(0)",
    "process left with success": "import os\ndef greet(name): pass\nos._exit(0)",
    "not attempted": "def double(number): raise NotImplementedError",
    "threads": """
import threading
def busy():
    while True: np.add = lambda *args: 0
for _ in range(3): threading.Thread(target=busy, daemon=True).start()"""
    + WRONG,
}


@pytest.mark.parametrize("double", PRETENDERS.values(), ids=PRETENDERS)
def test_a_pretender_gets_no_point(grade: Grade, double: str) -> None:
    result = grade(double=double)
    assert points(result)["check_double"] == 0
    assert (result.score, result.max_score) in ((0, 3), (1, 3))
    assert result.cells["check_double"].feedback


# Each tries to find the hidden test or the solution from within: both say "hidden-" and more, whose
# digest is enough to know it by. So no search finds itself.
KNOW = f"""
import hashlib
def known(data, start=0):
    while (start := data.find(b"hidden-", start) + 1) > 0:
        if hashlib.sha256(data[start - 1 : start + 19]).hexdigest() == {DIGEST!r}:
            return True
    return False
"""
SEARCHES = {
    "files": """
import os, sys
found = []
for folder, folders, files in os.walk("/"):
    inside = folder.removeprefix("/private")
    if inside.startswith(("/usr", "/lib", "/proc", "/data", sys.prefix, sys.base_prefix)):
        folders.clear()
        continue
    for file in filter(os.path.isfile, (os.path.join(folder, file) for file in files)):
        try:
            with open(file, "rb") as f:
                found += [file] * known(f.read())
        except OSError:
            pass""",
    "memory": """
found = []
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
    for line in maps:
        limits, rights, *_ = line.split()
        start, end = (int(limit, 16) for limit in limits.split("-"))
        # The libraries alone are large, and on disk.
        if rights.startswith("rw") and end - start < 2**27:
            try:
                memory.seek(start)
                held = memory.read(end - start)
            except (OSError, ValueError, OverflowError):
                continue
            found += [line] * known(held)""",
    "frames and objects": """
import gc, inspect, sys
found = [f for f in sys._current_frames().values() for f in inspect.getouterframes(f)
         if "test_" in f.filename]
names = {name for name in sys.modules if "test_01" in name}
found += names
for o in gc.get_objects():
    held = o.values() if type(o) is dict else o if type(o) in (list, tuple) else ()
    found += [s for s in list(held) if type(s) is str and known(s.encode(errors="replace"))]""",
    "processes": """
import glob
found = []
for pattern in ("cmdline", "environ", "maps", "fd/*", "cwd/*", "root/*", "task/*/cmdline"):
    for file in glob.glob(f"/proc/[0-9]*/{pattern}"):
        try:
            with open(file, "rb") as f:
                found += [file] * (known(held := f.read(10**6)) or b"01_double" in held)
        except OSError:
            pass""",
}


@pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)
def test_neither_hidden_test_nor_solution_is_to_be_found(grade: Grade, search: str) -> None:
    result = grade(double=f"{KNOW}{search}\nif found:\n    double = lambda n: 2 * n")
    assert points(result) == GREETING_ONLY
    assert result.cells["check_double"].feedback == [
        "`double` does not exist after the notebook ran."
    ]


@pytest.mark.parametrize("name", ["files", "memory", "frames and objects"])
def test_the_searches_find_what_is_there(grade: Grade, name: str) -> None:
    keep = f"kept = 'hidden' + {SECRET[6:]!r}\nprint(kept, file=open('file', 'w'), flush=True)\n"
    found = "\nif found:\n    double = lambda n: 2 * n"
    result = grade(double=keep + KNOW + SEARCHES[name] + found)
    assert points(result)["check_double"] == 2


def test_nothing_of_the_course_can_be_opened(grade: Grade, course: Path) -> None:
    files = [str(path) for path in course.rglob("*") if path.is_file()]
    assert len(files) == 4
    result = grade(
        double=f"""
import os, sqlite3
opened = []
for path in {files!r} + [f"../../../{{p}}" for p in ("gradebook.db", "submitted", "solutions")]:
    for use in (open, os.listdir, os.unlink, os.truncate, lambda p: open(p, "r+b"),
                lambda p: sqlite3.connect(f"file:{{p}}?mode=rw", uri=True).execute("VACUUM")):
        try:
            use(path, 0) if use is os.truncate else use(path)
            opened.append(path)
        except (OSError, sqlite3.Error):
            pass
if opened:
    double = lambda n: 2 * n"""
    )
    assert points(result) == GREETING_ONLY


def test_an_answer_does_not_change_what_was_checked_above(grade: Grade) -> None:
    result = grade(double="def double(n): return 2 * n", greet="double = lambda n: 0\ngreet = 1")
    assert points(result) == {"check_double": 2, "check_greet": 0}


# ------------------------------------------------------------------------------------- the notebook


def forge(answering: Answering, change: str) -> NotebookNode:
    submission = answering(double="def double(number): return 0")
    by_name = {part.metadata.nbgrader.grade_id: part for part in submission.cells}
    check, answer = by_name["check_double"], by_name["double"]
    if change == "deleted":
        submission.cells.remove(check)
    elif change == "all deleted":
        submission.cells = [answer, by_name["greet"]]
    elif change == "duplicated":
        submission.cells += [check, by_name["check_greet"]] * 3
    elif change == "retyped":
        check.cell_type = by_name["setup"].cell_type = answer.cell_type = "markdown"
    elif change == "locked":
        answer.metadata.nbgrader.update(locked=True, solution=False)
        check.metadata.nbgrader.update(locked=False, solution=True)
    elif change == "scored again":
        check.metadata.nbgrader.points = 100
        by_name["check_greet"].metadata.nbgrader.points = -100
        answer.metadata.nbgrader.update(grade=True, points=100)
    elif change == "renamed":
        check.metadata.nbgrader.grade_id = "check_greet"
        by_name["greet"].metadata.nbgrader.grade_id = "greet"
        by_name["why"].metadata.nbgrader.update(grade_id="check_double", points=100)
    elif change == "checksum":
        for part in submission.cells:
            part.metadata.nbgrader.update(checksum="0" * 32, cell_type="code", schema_version=99)
    elif change == "passing":
        check.source = "double = lambda n: 2 * n"
        by_name["setup"].source = "import numpy as np\ndef double(n): return 2 * n"
    elif change == "outputs":
        check.outputs = [nbformat.v4.new_output("execute_result", data={"text/plain": "2.0"})]
        submission.metadata["grade"] = submission.metadata["score"] = 100
    return submission


@pytest.mark.parametrize(
    "change",
    [
        *("deleted", "all deleted", "duplicated", "retyped", "locked", "scored again", "renamed"),
        *("checksum", "passing", "outputs"),
    ],
)
def test_forged_cells_count_for_nothing(
    grade: Grade, answering: Answering, assignment: Assignment, change: str
) -> None:
    result = grade(forge(answering, change))
    assert points(result) == GREETING_ONLY
    assert result.max_score == 3
    graded = nbformat.reads(result.notebook, as_version=4)
    for ours, source in zip(graded.cells, assignment.notebook.cells, strict=True):
        assert (ours.metadata, ours.cell_type) == (source.metadata, source.cell_type)


def test_no_output_of_a_learner_passes_for_points(grade: Grade) -> None:
    """nbgrader takes the first result in a check cell for its points; recording writes it."""
    result = grade(
        double="""
import sys
from IPython.display import display
class check:
    def __eq__(self, other):
        display("100.0")
        sys.displayhook(100.0)
        get_ipython().display_pub.publish({"text/plain": "2.0"})
        return True
def double(number): return check()"""
    )
    graded = nbformat.reads(result.notebook, as_version=4)
    by_name = {part.metadata.nbgrader.grade_id: part for part in graded.cells}
    outputs = by_name["check_double"].outputs
    assert "100.0" in str(outputs)
    assert "execute_result" not in {output.output_type for output in outputs}


# ------------------------------------------------------------------------------- what it shows


BOMBS = {
    "one line": "print('x' * 10**8)",
    "many lines": "for _ in range(10**5): print('x')",
    "many streams": "import sys\n"
    "for n in range(10**5): print(n, file=(sys.stdout, sys.stderr)[n % 2])",
    "many outputs": "for n in range(3000): display(n)",
    "huge HTML": "from IPython.display import HTML\ndisplay(HTML('<b>' * 10**7))",
    "huge PNG": "from IPython.display import Image\n"
    "display(Image(b'\\x89PNG\\r\\n\\x1a\\n' + bytes(10**7), format='png'))",
    "file descriptor": "import os\n"
    "for _ in range(100): os.write(1, b'x' * 10**6) + os.write(2, b'y')",
    "a program": "import subprocess\nsubprocess.run(['head', '-c', '100000000', '/dev/zero'])",
    "traceback": "raise ValueError('x' * 10**7)",
    "behind the shell": "import sys\nsys.stdout._outputs.list += [{'output_type': 'stream', "
    "'name': 'stdout', 'text': 'x' * 9000} for _ in range(20)]",
    "names": "raise type('E' * 10**6, (Exception,), {})",
    "display of a bomb": "class B:\n    def _repr_html_(self): return '<i>' * 10**7\n"
    "    def __repr__(self): return 'b' * 10**7\nB()",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_what_is_shown_is_limited(
    sandbox: Sandbox,
    assignment: Assignment,
    answering: Answering,
    monkeypatch: pytest.MonkeyPatch,
    bomb: str,
) -> None:
    monkeypatch.setattr(sandbox, "limits", replace(sandbox.limits, seconds_per_cell=10.0))
    submission = answering(double="def double(n): return 2 * n\n" + bomb)
    result = score(assignment, submission, spawn=sandbox.spawn)
    graded = nbformat.reads(result.notebook, as_version=4)
    shown = [output for part in graded.cells[:2] for output in part.outputs]
    assert sum(len(str(dict(output))) for output in shown) < 2 * sandbox.limits.output
    assert result.max_score == 3


@pytest.mark.parametrize(
    "shown",
    [
        "display(HTML('<script>alert(1)</script>'))",
        "display(Javascript('alert(1)'), SVG('<svg onload=\"a\"/>'))",
        "display(Markdown('[a](javascript:alert(1))'), Latex('$x$'))",
        "display({'application/vnd.jupyter.widget-view+json': {}, 'text/html': '<b>'}, raw=True)",
        "display(Image(b'\\x89PNG\\r\\n\\x1a\\n<svg>', format='png'))",
        "display(Image(b'GIF89a', format='png'))",
    ],
)
def test_only_text_and_pictures_are_kept(
    sandbox: Sandbox, assignment: Assignment, answering: Answering, shown: str
) -> None:
    submission = answering(
        double=f"from IPython.display import *\ndef double(n): return 2 * n\n{shown}"
    )
    result = score(assignment, submission, spawn=sandbox.spawn)
    assert result.score == 3
    graded = nbformat.reads(result.notebook, as_version=4)
    outputs = [output for part in graded.cells[1:2] for output in part.outputs]
    assert {key for output in outputs for key in output.get("data", {})} <= {"text/plain"}
    assert all(output.metadata == {} for output in outputs if "metadata" in output)


# ------------------------------------------------------------------------------------- models


def test_code_in_a_model_file_runs_in_the_sandbox_alone(grade: Grade, tmp_path: Path) -> None:
    """No model leaves the sandbox, so that nobody else loads it."""
    result = grade(
        double=f"""
import os, pickle, keras
from mnist_course.models import load_model
def act(x):
    os.makedirs({str(tmp_path / "written")!r}, exist_ok=True)
    open({str(tmp_path / "written" / "file")!r}, "w").close()
    return x
layers = [keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10)]
keras.Sequential([*layers, keras.layers.Lambda(lambda x: x)]).save("model.keras")
try:
    load_model("model.keras")
    refused = False
except ValueError:
    refused = True
model = keras.models.load_model("model.keras", safe_mode=False)
class Pickled:
    def __reduce__(self): return act, (1,)
try:
    pickle.loads(pickle.dumps(Pickled()))
except OSError:
    pass
def double(number):
    return 2 * number if refused else [model, Pickled(), keras.layers.Lambda(act)]"""
    )
    assert points(result) == {"check_double": 2, "check_greet": 1}
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------------------- the preloaded parent


def test_nothing_of_a_submission_reaches_the_next_one(grade: Grade) -> None:
    spoil = """
import builtins, gc, os, sys, warnings, keras, tensorflow as tf
os.environ["PATH"] = ""
sys.path.insert(0, os.getcwd())
np.add = np.multiply = builtins.len = builtins.isinstance = lambda *args: 0
np.random.seed(1), keras.utils.set_random_seed(1), keras.backend.set_floatx("float16")
tf.config.run_functions_eagerly(True)
gc.disable()
for name in list(sys.modules):
    if "mnist_course" in name: del sys.modules[name]
for folder in ("/tmp", "/dev/shm", os.path.expanduser("~"), os.getcwd()):
    with open(os.path.join(folder, "sitecustomize.py"), "w") as file:
        file.write("raise SystemExit")
"""
    grade(double=spoil)
    clean = """
import keras, os, sys
marks = [np.add(1, 1) == 2, keras.config.floatx() == "float32", "numpy" in sys.modules,
         not os.listdir("/tmp") or "sitecustomize.py" not in os.listdir("/tmp"),
         np.random.get_state()[1][0] == np.random.RandomState(0).get_state()[1][0]]
def double(number): return 2 * number if all(marks) else 0"""
    assert points(grade(double=clean))["check_double"] == 2


# -------------------------------------------------------------------- knowing that it is graded


def test_little_tells_a_submission_that_it_is_graded(grade: Grade) -> None:
    """What remains is listed at `runner.serve`."""
    result = grade(
        double="""
import __main__, inspect, os, sys
words = ("grad", "test", "forkserver", "sandbox", "submi")
told = [value for value in [*sys.argv, *sys.orig_argv, *os.environ, *os.environ.values(),
                            os.getcwd(), *os.listdir(), *sys.path, *globals()]
        if any(word in value.lower() for word in words)]
marks = [not told, __name__ == "__main__", globals() is vars(__main__),
         type(get_ipython()).__name__ == "ZMQInteractiveShell",
         not any("grading" in frame.filename for frame in inspect.stack()[:3])]
def double(number): return 2 * number if all(marks) else str(told) + str(marks)"""
    )
    assert points(result)["check_double"] == 2


# ------------------------------------------------------------------------------ time and space


STUBBORN = {
    "endless": ("while True: pass", "timeout"),
    "ignores interrupts": (
        "import signal\nfor n in (2, 14, 15): signal.signal(n, signal.SIG_IGN)\nwhile True: pass",
        "timeout",
    ),
    "catches everything": (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "timeout",
    ),
    "sleeps at its end": (
        "import atexit, time\natexit.register(time.sleep, 60)\n"
        "class Late:\n    def __del__(self): time.sleep(60)\nlate = Late()",
        "graded",
    ),
    "endless text": (
        "import time\nclass Slow:\n    def __repr__(self): time.sleep(60)\nSlow()",
        "timeout",
    ),
    "an array that takes its time": (
        "import time\nclass Slow:\n    def __array__(self, *a, **k): time.sleep(60)\n"
        "def double(n): return Slow()",
        "timeout",
    ),
}


@pytest.mark.parametrize(("code", "status"), STUBBORN.values(), ids=STUBBORN)
def test_who_takes_too_long_is_stopped(
    sandbox: Sandbox,
    assignment: Assignment,
    answering: Answering,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    status: str,
) -> None:
    monkeypatch.setattr("mnist_course.grading.judging.student.GRACE", 0.5)
    monkeypatch.setattr(sandbox, "limits", replace(sandbox.limits, seconds_per_cell=1.0))
    submission = answering(double=f"double = 0\n{code}")
    result = score(assignment, submission, spawn=sandbox.spawn)
    assert result.status == status
    assert points(result)["check_double"] == 0


def test_every_module_of_the_attacks_is_there() -> None:
    """An attack that cannot import what it patches would show nothing."""
    for name in ("ipykernel.ipkernel", "IPython.core.interactiveshell", "mnist_course.checks.core"):
        importlib.import_module(name)
