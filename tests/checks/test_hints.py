"""Each task has three hints: a question, the idea in words, and a neighboring problem in code."""

import re
from pathlib import Path

import pytest

from mnist_course.grading.course.assignment import Task, list_assignments, read_assignment

SOLUTIONS = Path(__file__).parents[2] / "solutions"
TASKS = [
    pytest.param(task, id=f"{name}-{task.number}")
    for name in list_assignments(SOLUTIONS)
    for task in read_assignment(SOLUTIONS, name).tasks
]


@pytest.mark.parametrize("task", TASKS)
def test_a_task_has_a_question_an_idea_and_an_example(task: Task) -> None:
    question, idea, example = task.hints
    assert "?" in question
    assert "```" not in idea
    assert 40 <= len(idea.split()) <= 100
    assert re.search(r"```python\n.+?```", example, re.DOTALL)
