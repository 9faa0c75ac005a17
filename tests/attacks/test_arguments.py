"""What a function did to the arrays that it was given is seen from outside."""

import mmap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nbformat import NotebookNode

from mnist_course.checks.core import same
from mnist_course.grading.course.assignment import Assignment
from mnist_course.grading.judging.arguments import SharedArguments
from mnist_course.grading.judging.scoring import score
from mnist_course.grading.judging.student import Session, Student, StudentError, Unconfined
from mnist_course.grading.sandbox.supervisor import Sandbox

TESTS = '''
import numpy as np
import pytest

@pytest.mark.points(1, cell="check_double")
def test_leaves_its_input_alone(student, rng):
    """`double` should leave its input alone."""
    for given in ([rng.random((5, 4))], [rng.random(9)[::2], [rng.integers(9, size=3), {"a": 1}]]):
        answer, after = student.call("double", *given, after=True)
        np.testing.assert_array_equal(after[0], given[0])
        np.testing.assert_array_equal(answer, 2 * given[0])
        if given[1:]:
            np.testing.assert_array_equal(after[1][0], given[1][0])
'''
HONEST = "def double(numbers, others=None): return 2 * numbers"
DAMAGES = """
def double(numbers, others=None):
    answer = 2 * numbers
    numbers[:] = 0
    return answer
"""
DAMAGES_A_LIST = """
def double(numbers, others=None):
    if others: others[0][1] += 1
    return 2 * numbers
"""
REPLACES_AN_ITEM = """
def double(numbers, others=None):
    if others: others[0] = others[0] + 1
    return 2 * numbers
"""
# All answers go through this function, in the learner's own process.
HIDDEN = """
import copy
from mnist_course.grading.inside import runner
real = runner._protected
def hiding(ask, shell, *details):
    kept = copy.deepcopy(details)
    status, value = real(ask, shell, *details)
    return status, (value[0], kept[-1]) if ask.__name__ == "_call" else value
runner._protected = hiding
"""
CASES = {
    "honest": (HONEST, 1),
    "damages": (DAMAGES, 0),
    "damages and hides it": (DAMAGES + HIDDEN, 0),
    "damages a list": (DAMAGES_A_LIST, 0),
    "damages a list and hides it": (DAMAGES_A_LIST + HIDDEN, 0),
    "replaces an item": (REPLACES_AN_ITEM, 0),
}


@pytest.fixture
def about_arguments(assignment: Assignment, tmp_path: Path) -> Assignment:
    tests = tmp_path / "test_arguments.py"
    tests.write_text(TESTS)
    return Assignment(assignment.name, assignment.notebook, tests)


@pytest.mark.parametrize(("code", "points"), CASES.values(), ids=CASES)
def test_damage_is_seen_whatever_the_submission_says(
    sandbox: Sandbox,
    about_arguments: Assignment,
    answering: Callable[..., NotebookNode],
    code: str,
    points: int,
) -> None:
    result = score(about_arguments, answering(double=code), spawn=sandbox.spawn)
    assert result.cells["check_double"].points == points


ARRAY, OTHER = np.arange(3.0), np.zeros(3)


@pytest.mark.parametrize(
    ("given", "damaged", "told"),
    [
        ([ARRAY, 1], [OTHER, 1], [ARRAY]),
        ([ARRAY, 1], [OTHER, 1], [ARRAY, 1, 1]),
        ([(ARRAY, 1)], [(OTHER, 1)], [[ARRAY, 1]]),
        ([(ARRAY, 1)], [(OTHER, 1)], []),
        ({"a": ARRAY}, {"a": OTHER}, {"b": ARRAY}),
        ([ARRAY, [1]], [ARRAY, [1]], [ARRAY]),
    ],
)
def test_no_other_structure_hides_an_array(given: Any, damaged: Any, told: Any) -> None:
    """What is told of the structure counts only if all arrays are as they were."""
    kept = SharedArguments((given,))
    with mmap.mmap(kept.descriptor, 0) as memory:
        memory[: OTHER.nbytes] = (ARRAY if same(given, damaged) else OTHER).tobytes()
    kept.close()
    (after,) = kept.afterwards((told,))
    assert same(after, told if same(given, damaged) else damaged)
    assert not same(after, given)


@pytest.mark.slow
def test_who_tells_of_fewer_arguments_gets_no_answer() -> None:
    few = HIDDEN.replace("kept[-1])", "kept[-1][:1])")
    with (
        Session([("double", DAMAGES_A_LIST + few)], spawn=Unconfined().spawn) as session,
        pytest.raises(StudentError, match="in the usual way"),
    ):
        Student(session, "double").call("double", ARRAY, [ARRAY, ARRAY], after=True)


@pytest.mark.slow
def test_a_function_cannot_tell_whether_it_is_watched() -> None:
    code = "def f(array): return type(array.base).__module__"
    with Session([("f", code)], spawn=Unconfined().spawn) as session:
        student = Student(session, "f")
        watched, _ = student.call("f", ARRAY, after=True)
        assert student.call("f", ARRAY) == watched


@pytest.mark.slow
@pytest.mark.parametrize("code", [HONEST, DAMAGES + HIDDEN], ids=["honest", "damages and hides it"])
def test_it_is_seen_without_a_sandbox(
    about_arguments: Assignment, answering: Callable[..., NotebookNode], code: str
) -> None:
    result = score(about_arguments, answering(double=code), spawn=Unconfined().spawn)
    assert result.cells["check_double"].points == (code == HONEST)


def test_the_memory_can_be_made_neither_larger_nor_smaller(
    sandbox: Sandbox, about_arguments: Assignment, answering: Callable[..., NotebookNode]
) -> None:
    """Or reading it would end the judge."""
    code = """
import mmap, os
kept = []
mapped = mmap.mmap
def keep(descriptor, size):
    kept.append(os.dup(descriptor))
    return mapped(descriptor, size)
mmap.mmap = keep
def double(numbers, others=None):
    for size in (0, 2**20) if kept else ():
        try: os.ftruncate(kept[-1], size)
        except PermissionError: continue
        return None
    return 2 * numbers
"""
    result = score(about_arguments, answering(double=code), spawn=sandbox.spawn)
    assert result.cells["check_double"].points == 1
