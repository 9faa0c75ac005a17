"""What grading a submission led to: the points of each cell, and what there is to say of them."""

import functools
import importlib.metadata
import platform
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import mnist_course

Status = Literal["graded", "rejected", "timeout", "out_of_memory", "crashed"]


@dataclass
class CellScore:
    """What a check cell earned.

    Attributes
    ----------
    points, max_points : float
        Earned and possible points.
    feedback : list of str
        A sentence for each reason why points are missing, each once.
    check : str
        What the learner's own check said in this run; empty if it was content.
    attempted : bool
        Whether there was anything to judge.
    review : str
        What a person should look at before the points count; empty if nothing.
    """

    points: float = 0.0
    max_points: float = 0.0
    feedback: list[str] = field(default_factory=list)
    check: str = ""
    attempted: bool = True
    review: str = ""


@dataclass(frozen=True)
class Result:
    """What became of one submission.

    Attributes
    ----------
    status : str
        "graded", or why the notebook did not run to its end: "rejected" (it was not run at all),
        "timeout", "out_of_memory" or "crashed". The hidden tests come after all cells. So a cell
        that took too long and could be stopped costs only the points that depend on it; but where
        the process of the notebook ended, nothing is earned from then on: no points at all, unless
        it ended at a question of the hidden tests, and had answered others before.
    reason : str
        A sentence for the instructor; empty if there is nothing to say.
    seconds : float
        Wall-clock seconds that grading took.
    cells : dict of str to CellScore
        The score of each check cell, by grade id. Cells graded by hand are not among them.
    notebook : str
        The notebook as it was run, with its outputs, as JSON: nbgrader's autograded notebook.
    versions : dict of str to str
        See `versions`; empty if the notebook was not run.
    """

    status: Status
    reason: str
    seconds: float
    cells: dict[str, CellScore]
    notebook: str
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def score(self) -> float:
        """Points earned in the check cells."""
        return sum(cell.points for cell in self.cells.values())

    @property
    def max_score(self) -> float:
        """Points possible in the check cells."""
        return sum(cell.max_points for cell in self.cells.values())

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> "Result":
        """Return the result that `to_dict` wrote."""
        cells = {name: CellScore(**cell) for name, cell in document["cells"].items()}
        return cls(**{**document, "cells": cells})


@functools.cache
def versions() -> dict[str, str]:
    """Return the versions of what decides a grade on this machine, by name."""
    return {
        "mnist_course": mnist_course.__version__,
        "Python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in ("tensorflow", "keras", "numpy")},
    }
