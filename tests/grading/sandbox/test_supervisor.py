"""An honest submission runs in the sandbox as it does outside, and each limit ends another one."""

import dataclasses
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import numpy as np
import psutil
import pytest

import mnist_course
from mnist_course.data import MNIST, load_mnist
from mnist_course.errors import CourseError
from mnist_course.grading.course.assignment import Assignment
from mnist_course.grading.judging.scoring import score
from mnist_course.grading.judging.student import Session, Student, StudentError, Unconfined
from mnist_course.grading.sandbox import supervisor as module
from mnist_course.grading.sandbox.limits import Limits
from mnist_course.grading.sandbox.supervisor import Sandbox, available
from mnist_course.grading.sandbox.usage import Meter, Usage, look, measure_sockets

SLOW = "import time\ndef f():\n    time.sleep(60)\ndef busy():\n    while True: pass"


def session(sandbox: Sandbox, *cells: str) -> Session:
    return Session([(str(n), code) for n, code in enumerate(cells)], spawn=sandbox.spawn)


TRAINS = """
import numpy as np
from mnist_course import build_mlp, fit
images = np.random.default_rng(0).random((64, 28, 28), np.float32)
labels = np.arange(64) % 10
model = build_mlp(seed=0)
history = fit(model, images, labels, epochs=2, batch_size=32, seed=0, verbose=0)
"""
LOADED = """
import sys
loaded = [name for name in ("keras", "sklearn", "scipy.stats") if name in sys.modules]
"""


@pytest.mark.sandbox
def test_trains_a_network(sandbox: Sandbox) -> None:
    with session(sandbox, LOADED, TRAINS) as running:
        assert running.failures == {}
        student = Student(running, "1")
        assert student.json("loaded") == ["keras", "sklearn", "scipy.stats"]
        assert len(student.json("history")["loss"]) == 2
        assert student.predict("model", np.zeros((3, 28, 28))).shape == (3,)


@pytest.mark.sandbox
def test_trains_a_network_where_nothing_was_imported_before() -> None:
    with Sandbox(imports={}) as own, session(own, LOADED, TRAINS) as running:
        assert running.failures == {}
        student = Student(running, "1")
        assert student.json("loaded") == []
        assert len(student.json("history")["loss"]) == 2
        assert student.predict("model", np.zeros((3, 28, 28))).shape == (3,)


@pytest.mark.sandbox
def test_imports_what_the_assignment_does() -> None:
    imports = {"mnist_course": ["fit", "plots", "missing"], "missing": [], "antigravity": []}
    with Sandbox(imports=imports) as own, session(own, LOADED) as running:
        assert Student(running, "0").json("loaded") == ["keras", "sklearn", "scipy.stats"]


@pytest.mark.sandbox
def test_has_the_data_set_that_is_outside(sandbox: Sandbox) -> None:
    code = "from mnist_course import load_mnist\nsource = load_mnist().source"
    with session(sandbox, code) as running:
        assert running.failures == {}
        assert Student(running, "0").json("source") == load_mnist().source


@pytest.mark.sandbox
def test_has_the_copy_that_the_environment_names(
    mnist: MNIST, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copy(mnist.source, tmp_path / "own.npz")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    monkeypatch.setenv("MNIST_COURSE_DATA", str(tmp_path / "own.npz"))
    code = "from mnist_course import load_mnist\nsource = load_mnist().source"
    with Sandbox() as own, session(own, code) as running:
        assert running.failures == {}
        assert Student(running, "0").json("source") == "/data/mnist.npz"


@pytest.mark.sandbox
def test_uses_the_cores_that_are_outside(sandbox: Sandbox) -> None:
    code = "import threadpoolctl\npools = threadpoolctl.threadpool_info()"
    with session(sandbox, code) as running:
        pools = Student(running, "0").json("pools")
        blas = [pool["num_threads"] for pool in pools if pool["user_api"] == "blas"]
        assert blas
        assert set(blas) == {len(os.sched_getaffinity(0))}


@pytest.mark.sandbox
def test_a_usual_home_and_temporary_folder_are_there(sandbox: Sandbox) -> None:
    code = """
import getpass, os, subprocess, tempfile
from multiprocessing import shared_memory
from pathlib import Path
(Path.home() / "file").write_text("a")
with tempfile.NamedTemporaryFile() as file:
    name = file.name
shared_memory.SharedMemory(create=True, size=10).unlink()
seen = [os.getcwd(), os.listdir(), name, getpass.getuser(), subprocess.run(["true"]).returncode]
"""
    with session(sandbox, code) as running:
        assert running.failures == {}
        folder, files, name, user, status = Student(running, "0").json("seen")
        assert (folder, files, user, status) == ("/private/work", [], "learner", 0)
        assert name.startswith("/tmp/")


@pytest.mark.sandbox
@pytest.mark.parametrize(
    "code",
    [
        """
from multiprocessing import Pool
with Pool(2) as pool:
    seen = pool.map(abs, [-1, 2])
""",
        """
import multiprocessing
with multiprocessing.Manager() as manager:
    shared = manager.list([1])
    shared.append(2)
    seen = list(shared)
""",
        """
import multiprocessing
context = multiprocessing.get_context("spawn")
with context.Pool(1) as pool:
    seen = pool.map(abs, [-1, 2])
""",
        "import joblib\nseen = joblib.Parallel(2)(joblib.delayed(abs)(x) for x in (-1, 2))",
        """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor() as executor:
    seen = list(executor.map(abs, [-1, 2]))
""",
        """
import asyncio
async def both():
    process = await asyncio.create_subprocess_exec("echo", "1", stdout=asyncio.subprocess.PIPE)
    return [int((await process.communicate())[0]), 2]
import threading
result = []
thread = threading.Thread(target=lambda: result.extend(asyncio.run(both())))
thread.start()
thread.join()
seen = result
""",
        """
import subprocess
shown = subprocess.run("printf '1 2' | cat", shell=True, capture_output=True, text=True).stdout
seen = [int(number) for number in shown.split()]
""",
        """
import sqlite3
with sqlite3.connect("numbers.db") as base:
    base.execute("CREATE TABLE numbers (number)")
    base.executemany("INSERT INTO numbers VALUES (?)", [(1,), (2,)])
seen = [number for number, in sqlite3.connect("numbers.db").execute("SELECT * FROM numbers")]
""",
        """
import shutil
open("one", "w").write("1 2")
seen = [int(number) for number in open(shutil.copy("one", "two")).read().split()]
""",
    ],
    ids=[
        *("fork", "manager", "spawn", "joblib", "threads", "asyncio", "shell", "sqlite3", "copies"),
    ],
)
def test_what_notebooks_use_works(sandbox: Sandbox, code: str) -> None:
    with session(sandbox, code) as running:
        assert running.failures == {}
        assert Student(running, "0").json("seen") == [1, 2]


@pytest.mark.sandbox
def test_a_download_fails_as_without_a_network(sandbox: Sandbox) -> None:
    code = "import urllib.request\nurllib.request.urlopen('http://example.org')"
    with session(sandbox, code) as running:
        assert "urlopen error" in running.failures["0"][1]


@pytest.mark.sandbox
def test_scores_are_those_of_the_unconfined(sandbox: Sandbox, tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook()
    for name, code in (("add", "def add(a, b):\n    return a + b"), ("check_add", "add(1, 'a')")):
        cell = nbformat.v4.new_code_cell(code)
        graded = name == "check_add"
        cell.metadata["nbgrader"] = {"grade_id": name, "grade": graded, "solution": not graded}
        notebook.cells.append(cell)
    (tmp_path / "test_sum.py").write_text(
        "import pytest\n"
        "@pytest.mark.points(1, cell='check_add')\n"
        "@pytest.mark.parametrize('b', [1, 'a'])\n"
        "def test_adds(student, b):\n"
        "    '''`add` should add.'''\n"
        "    assert student.call('add', 1, b) == 2\n"
    )
    assignment = Assignment("sum", notebook, tmp_path / "test_sum.py")
    confined = score(assignment, notebook, spawn=sandbox.spawn)
    assert confined.cells == score(assignment, notebook, spawn=Unconfined().spawn).cells
    assert (confined.score, confined.max_score) == (1, 2)


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ({"seconds_per_call": 0.5}, "took too long and was stopped"),
        ({"seconds_per_submission": 1.0}, "took too long and was stopped"),
        ({"cpu_seconds": 1.0}, "used too much CPU time and was stopped"),
        ({"memory": 2**20}, "used too much memory and was stopped"),
    ],
    ids=str,
)
def test_a_limit_ends_a_submission_and_is_named(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, limits: dict[str, float], sentence: str
) -> None:
    monkeypatch.setattr(sandbox, "limits", dataclasses.replace(Limits(), **limits))
    with session(sandbox, SLOW) as running, pytest.raises(StudentError, match=sentence):
        Student(running, "0").call("busy" if "cpu_seconds" in limits else "f")


@pytest.mark.parametrize(
    ("usage", "reason"),
    [
        (Usage(threads=10, cpu_seconds=10.0, memory=10), None),
        (Usage(threads=11), "too_many_processes"),
        (Usage(cpu_seconds=10.1), "out_of_cpu_time"),
        (Usage(memory=11), "out_of_memory"),
    ],
    ids=str,
)
def test_each_limit_may_be_reached_and_not_exceeded(usage: Usage, reason: str | None) -> None:
    limits = Limits(processes=10, cpu_seconds=10.0, memory=10)
    assert module._exceeded(limits, usage, time.monotonic()) == reason


@pytest.mark.sandbox
def test_closing_it_ends_all_its_processes() -> None:
    with Sandbox() as sandbox:
        bwrap = psutil.Process(sandbox._process.pid)
        child = sandbox.spawn()
        processes = [bwrap, *bwrap.children(recursive=True)]
        assert len(processes) >= 4  # two of bubblewrap, the fork server, the submission
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert alive == []
    child.close()
    child.close()


@pytest.mark.sandbox
def test_says_when_it_has_ended() -> None:
    with Sandbox() as sandbox:
        with session(sandbox, "f = 1") as running:
            for process in psutil.Process(sandbox._process.pid).children(recursive=True):
                process.kill()
            sandbox._process.wait(10)
            assert running.ask(5.0, "json", "f") == (
                "failed",
                "ended the process in which the notebook ran.",
            )
        with pytest.raises(CourseError, match="the sandbox has ended"):
            sandbox.spawn()


@pytest.mark.sandbox
def test_ends_with_the_process_that_started_it() -> None:
    program = """
import os, psutil, sys
from mnist_course.grading.sandbox.supervisor import Sandbox
with Sandbox() as sandbox:
    sandbox.spawn()
    pids = [p.pid for p in psutil.Process(sandbox._process.pid).children(recursive=True)]
    print(*pids, flush=True)
    os.kill(os.getpid(), 9)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    pids = [int(pid) for pid in result.stdout.split()]
    assert len(pids) >= 3, result.stderr
    deadline = time.monotonic() + 10
    while any(map(psutil.pid_exists, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(psutil.pid_exists, pids))


def test_where_bubblewrap_is_missing_the_reason_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PATH", "")
    assert "apt-get install bubblewrap" in (available() or "")
    with pytest.raises(CourseError, match="bubblewrap is not installed"):
        Sandbox().__enter__()


@pytest.mark.sandbox
def test_a_start_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_course.grading.sandbox.bubblewrap._python", lambda: iter(()))
    with pytest.raises(CourseError, match=r"did not start: .*python"):
        Sandbox().__enter__()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc of Linux")
def test_usage_is_that_of_all_descendants() -> None:
    program = """
import os, subprocess, sys, threading, time
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
subprocess.run([sys.executable, "-c", "import time\\nwhile time.process_time() < 1: pass"])
child = "import time; held = bytearray(2**27); print('ready', flush=True); time.sleep(60)"
subprocess.run([sys.executable, "-c", child])
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        meter = Meter(process.pid)
        usage = meter.measure(look())
        theirs = [psutil.Process(process.pid), *psutil.Process(process.pid).children()]
        assert len(theirs) == 2
        assert usage.threads == sum(p.num_threads() for p in theirs) == 3
        cpu = sum(sum(p.cpu_times()[:4]) for p in theirs)
        assert usage.cpu_seconds == pytest.approx(cpu, abs=0.5)
        assert usage.cpu_seconds > 1  # that of a process that has ended
        resident = sum(p.memory_info().rss - p.memory_info().shared for p in theirs)
        assert usage.memory == pytest.approx(resident, rel=0.05)
        assert usage.memory > 2**27
        for p in theirs:
            p.kill()
    assert Meter(process.pid).measure(look()) == Usage()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc of Linux")
def test_time_of_children_that_nobody_waits_for_is_kept() -> None:
    program = """
import os, signal, sys, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
if os.fork() == 0:
    while time.process_time() < 0.5: pass
    print("used", flush=True)
    sys.stdin.readline()
    os._exit(0)
try:
    os.wait()
except ChildProcessError:
    print("ended", flush=True)
sys.stdin.readline()
"""
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        meter = Meter(process.pid)
        assert process.stdout.readline() == b"used\n"
        assert meter.measure(look()).cpu_seconds >= 0.5
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"ended\n"
        assert Meter(process.pid).measure(look()).cpu_seconds < 0.5  # what the kernel tells
        assert meter.measure(look()).cpu_seconds >= 0.5
        process.stdin.write(b"\n")


def test_a_process_whose_parent_is_just_changing_is_measured_once() -> None:
    """It is read before its parent has ended, and the parent after it."""
    parents = [{1: 0, 2: 1, 3: 2}, {1: 0, 3: 2}, {1: 0, 3: 1}]
    before, between, after = (
        {
            pid: f"S {parent} 0 0 0 0 0 0 0 0 0 5 0 0 0 0 0 1 0 7".encode().split()
            for pid, parent in now.items()
        }
        for now in parents
    )
    meter = Meter(1)
    assert [meter.measure(seen).threads for seen in (before, between, after)] == [3, 2, 2]
    assert meter.measure(after).cpu_seconds == 3 * 5 / os.sysconf("SC_CLK_TCK")


@pytest.mark.sandbox
def test_sockets_are_those_of_the_submission(sandbox: Sandbox) -> None:
    code = """
import socket
held = []
def hold(pairs):
    held.extend(socket.socketpair() for _ in range(pairs))
    return True
"""
    with session(sandbox, code) as running:
        before = measure_sockets(running.child.pid)
        assert Student(running, "0").call("hold", 10)
        limit = int(Path("/proc/sys/net/core/wmem_default").read_text())
        assert measure_sockets(running.child.pid) - before == 2 * 20 * limit


@pytest.mark.sandbox
def test_the_package_inside_is_the_one_that_runs_outside(tmp_path: Path) -> None:
    package = Path(mnist_course.__file__).parent
    copy = tmp_path / package.name
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    code = """
from mnist_course.grading.sandbox.supervisor import Sandbox
from mnist_course.grading.judging.student import Session, Student
cell = "import mnist_course\\nseen = mnist_course.__file__"
with Sandbox() as sandbox, Session([("0", cell)], spawn=sandbox.spawn) as running:
    print(Student(running, "0").json("seen"))
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == str(copy / "__init__.py"), done.stderr
