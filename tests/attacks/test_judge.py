"""Whatever an answer does to its judge, there is a status, and the next one is judged."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import psutil
import pytest
from helpers import RIGHT, Forger
from nbformat import v4

from mnist_course.errors import CourseError
from mnist_course.grading.course.assignment import Assignment
from mnist_course.grading.inside import runner
from mnist_course.grading.inside.messages import pack
from mnist_course.grading.judging import supervisor as module
from mnist_course.grading.judging.results import CellScore, Result
from mnist_course.grading.judging.scoring import score
from mnist_course.grading.judging.supervisor import Judges
from mnist_course.grading.sandbox.limits import Limits
from mnist_course.grading.sandbox.supervisor import Sandbox

# Hidden tests with a weakness for each way in which an answer may hurt them.
TESTS = '''
import os
import time

import numpy as np
import pytest

def suffer(answer):
    match answer:
        case "kill":
            os.kill(os.getpid(), 9)
        case "exit":
            os._exit(0)
        case "sleep":
            time.sleep(600)
        case "collide":
            set([number * (2**61 - 1) for number in range(200_000)])
        case "fill":
            np.ones(2**30)

@pytest.mark.points(2, cell="check_double")
def test_doubles(student):
    """`double` should double every number."""
    answer = student.call("double", 21)
    suffer(answer)
    assert answer == 42

@pytest.mark.points(1, cell="check_greet")
def test_greets(student):
    """`greet` should greet."""
    assert student.call("greet", "Bo") == "Hello, Bo"
'''
NOTEBOOK = nbformat.writes(v4.new_notebook()).encode()
Grade = Callable[[Any], Result]


def forging(double: Any) -> Callable[[], Forger]:
    """Start a process that gives this answer to the first question, and the right one after it."""
    answers = {"double": double, "greet": "Hello, Bo"}

    def reply(request: Any) -> bytes:
        kind, _, name, *_ = (*request, None)
        return pack((runner.ANSWERED, (answers[name], ()))) if kind == "call" else RIGHT

    return lambda: Forger(reply)


@pytest.fixture(scope="module")
def weak(assignment: Assignment, tmp_path_factory: pytest.TempPathFactory) -> Assignment:
    tests = tmp_path_factory.mktemp("weak") / f"test_{assignment.name}.py"
    tests.write_text(TESTS)
    return Assignment(assignment.name, assignment.notebook, tests)


@pytest.fixture(scope="module")
def judges(weak: Assignment) -> Iterator[Judges]:
    with Judges(weak) as judges:
        judges.wait()
        yield judges


@pytest.fixture
def grade(judges: Judges) -> Iterator[Grade]:
    def run(double: Any) -> Result:
        result = judges.grade(NOTEBOOK, forging(double), Limits(seconds_per_submission=1.0))
        nbformat.validate(nbformat.reads(result.notebook, as_version=4))
        return result

    yield run
    assert run(42).score == 3


def test_a_right_answer_is_judged_as_in_one_process(grade: Grade, weak: Assignment) -> None:
    result = grade(42)
    here = score(weak, v4.new_notebook(), spawn=forging(42))
    assert (
        result.cells
        == here.cells
        == {"check_double": CellScore(2, 2), "check_greet": CellScore(1, 1)}
    )
    assert (result.status, result.notebook) == (here.status, here.notebook)


@pytest.mark.parametrize(
    ("answer", "how"), [("kill", "ended early (signal 9)"), ("exit", "ended early (exit code 0)")]
)
def test_a_judge_that_dies_is_reported_and_shown_to_a_person(
    grade: Grade, answer: str, how: str
) -> None:
    result = grade(answer)
    assert (result.status, result.score, result.max_score) == ("crashed", 0, 3)
    assert how in result.reason
    for cell in result.cells.values():
        assert cell.feedback == [result.reason]
        assert cell.review == result.reason


@pytest.mark.parametrize("answer", ["sleep", pytest.param("collide", marks=pytest.mark.slow)])
def test_a_judge_that_takes_too_long_is_ended(
    grade: Grade, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module, "SECONDS_TO_JUDGE", 4.0)
        result = grade(answer)
    assert (result.status, result.score) == ("timeout", 0)
    assert result.reason == (
        "Judging took more than 5 s and was stopped. A person has to look at it."
    )


def test_memory_that_a_judge_may_not_have_costs_one_test(grade: Grade) -> None:
    result = grade("fill")
    assert (result.status, result.score) == ("graded", 1)
    assert result.cells["check_double"].feedback == ["`double` should double every number."]


@pytest.mark.parametrize(
    ("code", "status", "sentence"),
    [
        (-24, "timeout", "more than 600 s of processor time"),
        (3, "out_of_memory", "more than 4 GiB of memory"),
        (None, "crashed", "ended early"),
    ],
)
def test_each_end_of_a_judge_has_a_sentence(code: int | None, status: str, sentence: str) -> None:
    said, reason = module._explain(code, None)
    assert said == status
    assert sentence in reason


@pytest.mark.parametrize(
    "result",
    [
        "well done",
        {},
        {"status": "graded"},
        {"status": "graded", "cells": {"check_double": {"points": 100, "won": True}}},
        {"status": "graded", "cells": [1]},
        {"status": np.zeros(3), "reason": "", "seconds": 0.0, "cells": {}, "notebook": ""},
    ],
)
def test_a_result_that_is_none_is_no_result(
    judges: Judges, result: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a judge that is in the hands of an attacker writes one."""
    loan = module._Loan(forging(42))
    with loan, pytest.raises(module._LOST):
        loan.theirs.send_bytes(pack(("result", result)))
        loan.serve(NOTEBOOK)


def test_a_judge_may_not_end_what_was_not_lent_to_it() -> None:
    loan = module._Loan(forging(42))
    with loan, pytest.raises(module._LOST):
        loan.theirs.send_bytes(pack(("kill", 0, None)))
        loan.serve(NOTEBOOK)


def test_what_is_no_notebook_is_rejected_by_the_judge(judges: Judges) -> None:
    result = judges.grade(b"{", forging(42), Limits())
    assert (result.status, result.score) == ("rejected", 0)
    assert "not JSON" in result.reason


@pytest.mark.slow
def test_unusable_hidden_tests_are_reported_before_anything_runs(
    assignment: Assignment, tmp_path: Path
) -> None:
    tests = tmp_path / "test_broken.py"
    tests.write_text("import nothing_like_this")
    with Judges(Assignment("x", assignment.notebook, tests)) as judges:
        for _ in range(2):
            with pytest.raises(CourseError, match=r"cannot be used: .*nothing_like_this"):
                judges.wait()


def test_hidden_tests_that_start_threads_are_refused(
    assignment: Assignment, tmp_path: Path
) -> None:
    tests = tmp_path / "test_threads.py"
    tests.write_text(
        f"import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n{TESTS}"
    )
    with (
        Judges(Assignment("x", assignment.notebook, tests)) as judges,
        pytest.raises(CourseError, match="starts 1 thread"),
    ):
        judges.wait()


@pytest.mark.slow
def test_judges_end_with_the_process_that_started_them(weak: Assignment) -> None:
    program = f"""
import os, sys, threading, time
from pathlib import Path
import nbformat, psutil
sys.path += {sys.path!r}
from mnist_course.grading.course.assignment import Assignment
from mnist_course.grading.judging.supervisor import Judges
from mnist_course.grading.sandbox.limits import Limits
from mnist_course.grading.inside.messages import pack
from helpers import RIGHT, Forger
def reply(request):
    return pack(("answered", ("sleep", ()))) if request[0] == "call" else RIGHT
tests = Path({str(weak.tests)!r})
notebook = nbformat.from_dict({dict(weak.notebook)!r})
with Judges(Assignment({weak.name!r}, notebook, tests)) as judges:
    arguments = {NOTEBOOK!r}, lambda: Forger(reply), Limits()
    threading.Thread(target=judges.grade, args=arguments, daemon=True).start()
    while len(pids := [p.pid for p in psutil.Process().children(recursive=True)]) < 2:
        time.sleep(0.1)
    print(*pids, flush=True)
    os.kill(os.getpid(), 9)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120
    )
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) == 2, done.stderr
    assert_gone(pids)


def assert_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 10
    while any(map(psutil.pid_exists, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(psutil.pid_exists, pids))


BUSY = """
import threading, time
def fill():
    time.sleep(1)
    held = np.ones(2**28)
    time.sleep(600)
def double(number):
    threading.Thread(target=fill, daemon=True).start()
    return "collide"
"""


@pytest.mark.sandbox
def test_the_watchdog_watches_while_the_judge_is_busy(
    judges: Judges,
    sandbox: Sandbox,
    answering: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    children: list[Any] = []
    monkeypatch.setattr(module, "SECONDS_TO_JUDGE", 15.0)
    limits = Limits(seconds_per_submission=5.0)
    submission = nbformat.writes(answering(double=BUSY)).encode()

    def spawn() -> Any:
        children.append(sandbox.spawn(Limits(memory=2**31)))
        return children[-1]

    result = judges.grade(submission, spawn, limits)
    assert result.status == "timeout"
    assert [child.reason() for child in children] == ["out_of_memory"]
