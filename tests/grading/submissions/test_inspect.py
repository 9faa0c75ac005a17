"""People hear what a notebook would lose when it is submitted."""

import copy
from pathlib import Path

import pytest
from nbformat import NotebookNode, v4

from mnist_course.errors import CourseError
from mnist_course.grading.course.assignment import Assignment, list_assignments, read_assignment
from mnist_course.grading.course.assistants import LABEL
from mnist_course.grading.course.settings import read_course
from mnist_course.grading.submissions.inspect import (
    LARGEST_ANSWER,
    Finding,
    find_submission,
    inspect,
    inspect_file,
    inspect_folder,
)
from mnist_course.grading.submissions.read import parse
from mnist_course.grading.submissions.repair import repair

ROOT = Path(__file__).parents[3]
NAME = "01_double"
FILE = f"{NAME}.ipynb"


def cell(notebook: NotebookNode, name: str) -> NotebookNode:
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


def without_rule(notebook: NotebookNode) -> NotebookNode:
    """Leave out what an exercise says about AI assistants."""
    notebook = copy.deepcopy(notebook)
    first = notebook.cells[0]
    first.source = first.source.partition(f"\n\n{LABEL}")[0].rstrip()
    return notebook


class TestInspectFolder:
    @pytest.mark.slow
    def test_other_files_are_said_to_be_ignored(self, folder: Path) -> None:
        for name in ("b.py", "a\n.csv", ".DS_Store", "timestamp.txt", "submission_secret.txt"):
            (folder / name).write_text("2026-03-31")
        (folder / ".ipynb_checkpoints").mkdir()
        (folder / "data").mkdir()
        assert inspect_folder(folder, FILE) == [
            Finding(
                "",
                r"Only `01_double.ipynb` is graded: put into it what you need of `a\n.csv`, "
                "`b.py`, `data`.",
                0,
            )
        ]

    def test_many_files_are_counted(self, folder: Path) -> None:
        for number in range(9):
            (folder / f"{number}").touch()
        (finding,) = inspect_folder(folder, FILE)
        assert "`0`, `1`, `2` and 6 more" in finding.problem


class TestInspect:
    def test_complete_submission_has_no_findings(
        self, assignment: Assignment, answered: NotebookNode
    ) -> None:
        assert inspect(assignment, answered) == []

    def test_untouched_exercise_costs_every_point(
        self, assignment: Assignment, released: bytes
    ) -> None:
        findings = inspect(assignment, parse(released, NAME))
        assert [(finding.cell, finding.costs) for finding in findings] == [
            ("double", 2),
            ("greet", 1.5),
            ("why", 2),
        ]
        assert all("no answer here yet" in finding.problem for finding in findings)

    @pytest.mark.parametrize("name", list_assignments(ROOT / "solutions"))
    def test_course_agrees_with_itself(self, name: str) -> None:
        source = read_assignment(ROOT / "solutions", name)
        exercise = read_assignment(ROOT / "exercises", name)
        for assignment in (source, exercise):
            assert inspect(assignment, source.notebook) == []
            untouched = inspect(assignment, exercise.notebook)
            assert [finding.cell for finding in untouched] == source.answers
            total = sum((source.points | source.manual_points).values())
            assert sum(finding.costs for finding in untouched) == total
            # nbgrader's own command made the exercise; only the course knows its rule about AI.
            repaired = repair(assignment, v4.new_notebook())
            assert without_rule(repaired) == without_rule(exercise.notebook)

    def test_each_change_is_found(self, assignment: Assignment, answered: NotebookNode) -> None:
        cells = answered.cells
        cells.remove(cell(answered, "why"))
        cells.append(copy.deepcopy(cell(answered, "double")))
        cells[-1].source = ""  # as Split Cell leaves it, with the cursor at the end
        cell(answered, "greet").cell_type = "raw"
        cell(answered, "greet").source = "x" * (LARGEST_ANSWER + 1)
        cell(answered, "setup").source = "check = None"
        cell(answered, "check_greet").metadata.nbgrader["points"] = 100
        cells.remove(cell(answered, "check_double"))
        cells.append(v4.new_code_cell("import os"))
        cells.insert(0, v4.new_markdown_cell("A note of mine."))
        found = [(f.cell, f.problem, f.costs) for f in inspect(assignment, answered)]
        expected = [
            ("setup", "This cell was changed", 0),
            ("check_double", "This cell is missing. In grading, the original runs", 0),
            ("greet", "This answer is to define `greet`, which nothing defines when", 0),
            ("greet", "This answer has 100,001 bytes", 0),
            ("greet", "The type of this cell was changed to raw. Grading takes it for code", 0),
            ("check_greet", "The settings of this cell", 0),
            ("why", "This answer is missing", 2),
        ]
        assert [(cell, costs) for cell, _, costs in found] == [
            (c, costs) for c, _, costs in expected
        ]
        for (_, problem, _), (_, words, _) in zip(found, expected, strict=True):
            assert problem.startswith(words)
            assert problem.endswith(".")

    def test_split_answer_is_said_to_be_graded_as_one(
        self, assignment: Assignment, answered: NotebookNode
    ) -> None:
        lower = copy.deepcopy(cell(answered, "double"))
        lower.source = "double(3)"
        answered.cells.insert(4, lower)
        assert inspect(assignment, answered) == [
            Finding("double", "This answer is in cell 4 and cell 5, which are graded as one.", 0)
        ]

    def test_answer_in_another_cell_is_recognized_and_said(
        self, assignment: Assignment, answered: NotebookNode
    ) -> None:
        cell(answered, "double").metadata.nbgrader["grade_id"] = "twice"
        (finding,) = inspect(assignment, answered)
        assert (finding.cell, finding.costs) == ("double", 0)
        assert finding.problem.startswith(
            "This answer is not in its own cell, but in cell 4. It is graded, and a person looks"
        )

    def test_notebook_without_ids_is_called_so_once(
        self, assignment: Assignment, answered: NotebookNode
    ) -> None:
        for each in answered.cells:
            each.metadata = {}
        first, *others = inspect(assignment, answered)
        assert first.cell == ""
        assert first.problem.startswith("This notebook lost its cell ids")
        assert [(finding.cell, finding.costs) for finding in others] == [
            ("double", 0),
            ("greet", 0),
            ("why", 0),
        ]

    def test_what_an_answer_borrows_is_named_and_costs_nothing(
        self, assignment: Assignment, answered: NotebookNode
    ) -> None:
        cell(answered, "double").source = "def double(n):\n    return TWO * n + nothing()"
        answered.cells.insert(0, v4.new_code_cell("TWO = 2"))
        answered.cells.append(v4.new_code_cell("def double(n):\n    return 0"))
        assert [
            (finding.cell, finding.problem.partition(":")[0])
            for finding in inspect(assignment, answered)
        ] == [
            ("double", "This answer uses `TWO` of cell 1, so that is run, too."),
            (
                "double",
                "This answer uses `nothing`, which nothing defines when the notebook runs from top "
                "to bottom. That may cost its points",
            ),
            (
                "double",
                "Cell 12 defines `double` again, below its check. What the check has looked at "
                "counts.",
            ),
        ]

    def test_picture_that_is_not_there_is_named(
        self, assignment: Assignment, answered: NotebookNode
    ) -> None:
        cell(answered, "why").source = "![a](attachment:a.png) ![b](attachment:my%20b.png)"
        cell(answered, "why").attachments = {"my b.png": {"image/png": "iVBO"}}
        (finding,) = inspect(assignment, answered)
        assert finding.problem.startswith("The picture `a.png` is not in the notebook")


class TestFindSubmission:
    def test_notebook_and_its_folder_are_found_by_name(self, folder: Path, course: Path) -> None:
        for path in (folder, folder / FILE):
            found, assignment = find_submission(path, read_course(course))
            assert (found, assignment.name) == (folder / FILE, NAME)
            assert assignment.path == course / "solutions" / NAME / FILE

    def test_repaired_notebook_is_found_by_its_own_name(self, folder: Path, course: Path) -> None:
        repaired = folder / f"{NAME}.repaired.ipynb"
        found, assignment = find_submission(repaired, read_course(course))
        assert (found, assignment.name) == (repaired, NAME)
        with pytest.raises(CourseError, match="is the notebook of no assignment"):
            find_submission(folder / f"{NAME}.repaired.repaired.ipynb", read_course(course))

    def test_notebook_of_another_name_is_found_by_content(self, folder: Path, course: Path) -> None:
        renamed = folder / "01_double (1).ipynb"
        (folder / FILE).rename(renamed)
        elsewhere = folder.rename(folder.parent / "work")
        for path in (elsewhere, elsewhere / renamed.name):
            found, assignment = find_submission(path, read_course(course))
            assert (found, assignment.name) == (elsewhere / renamed.name, NAME)
        (finding,) = inspect_file(elsewhere / renamed.name, NAME)
        assert finding.problem.startswith("This is 01_double by its content.")
        assert inspect_file(elsewhere / FILE, NAME) == []
        (elsewhere / "work.zip").write_bytes(b"PK")
        with pytest.raises(CourseError, match=r"work.zip is an archive: unpack it"):
            find_submission(elsewhere / "work.zip", read_course(course))

    def test_exercise_is_enough(self, folder: Path, course: Path) -> None:
        (course / "solutions").rename(course / "elsewhere")
        _, assignment = find_submission(folder, read_course(course))
        assert assignment.path == course / "exercises" / NAME / FILE

    def test_what_is_not_found_is_said_in_a_sentence(self, folder: Path, course: Path) -> None:
        (folder / "other.ipynb").touch()
        with pytest.raises(CourseError, match=r"other.ipynb is the notebook of no .* 01_double"):
            find_submission(folder / "other.ipynb", read_course(course))
        with pytest.raises(CourseError, match=r"01_double is the notebook of no"):
            find_submission(folder / "none" / NAME, read_course(course))
        with pytest.raises(CourseError, match=r"has none of the notebooks .* \(01_double\)"):
            find_submission(folder.parent, read_course(course))
        own = course / "solutions" / NAME
        with pytest.raises(CourseError, match="is the course's own copy"):
            find_submission(own, read_course(course))
        (course / "solutions").rename(course / "a")
        (course / "exercises").rename(course / "b")
        with pytest.raises(CourseError, match="has no assignments in solutions or exercises"):
            find_submission(folder, read_course(course))
