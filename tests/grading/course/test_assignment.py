import json
from pathlib import Path

import pytest
from nbformat import v4

from mnist_course.errors import CourseError
from mnist_course.grading.course.assignment import (
    Assignment,
    Chapter,
    Task,
    list_assignments,
    read_assignment,
    read_notebook,
    sections,
)


@pytest.fixture
def assignment(made: Path) -> Assignment:
    return read_assignment(made / "solutions", "01_double")


class TestReadAssignment:
    def test_knows_its_files(self, assignment: Assignment, made: Path) -> None:
        folder = made / "solutions" / "01_double"
        assert assignment.name == "01_double"
        assert assignment.path == folder / "01_double.ipynb"
        assert assignment.tests == folder / "test_01_double.py"
        assert len(assignment.notebook.cells) == 10

    def test_points_are_those_of_the_cells(self, assignment: Assignment) -> None:
        assert assignment.points == {"check_double": 2, "check_greet": 1.5}
        assert assignment.manual_points == {"why": 2}

    def test_answers_are_written_and_programmed(self, assignment: Assignment) -> None:
        assert assignment.answers == ["double", "greet", "why"]

    def test_imports_are_those_of_its_code(self, assignment: Assignment) -> None:
        code = "import keras, os.path\nfrom mnist_course import fit as train\nfrom . import x"
        later = "if True:\n    from mnist_course import plots"
        assignment.notebook.cells += [
            v4.new_code_cell(code),
            v4.new_markdown_cell("import markdown"),
            v4.new_code_cell("%pip install magic\nimport magic"),
            v4.new_code_cell(later),
        ]
        found = assignment.imports
        assert {
            "keras": [],
            "os.path": [],
            "mnist_course": ["fit", "plots"],
        }.items() <= found.items()
        assert not {"markdown", "magic"} & found.keys()

    def test_tasks_are_what_the_text_says(self, assignment: Assignment) -> None:
        assert assignment.tasks == [
            Task(
                number=1,
                title="Double a number",
                points=2,
                objective="multiply.",
                hints=("How much is a number added to itself?", "The operator is `*`."),
                answer="double",
                check="check_double",
                cell=2,
                chapters=(
                    Chapter("Doubling: Once", "https://e.org/double.html#once"),
                    Chapter("Twice", "https://e.org/twice.html"),
                ),
            ),
            Task(
                number=2,
                title="Greet",
                points=1.5,
                objective="put words together.",
                hints=("Look at f-strings.",),
                answer="greet",
                check="check_greet",
                cell=5,
            ),
        ]
        assert assignment.reflections == [
            Task(
                number=0,
                title="Why?",
                points=2,
                objective="think.",
                hints=(),
                answer="why",
                check="",
                cell=8,
            )
        ]

    def test_heading_in_an_answer_begins_no_task(self, assignment: Assignment) -> None:
        assignment.notebook.cells[9].source = "## Task 3: Mine (9 points)"
        assert [len(cells) for cells in sections(assignment.notebook.cells)] == [2, 3, 3, 2]
        assert [task.title for task in assignment.tasks] == ["Double a number", "Greet"]

    def test_what_a_task_lacks_is_empty(self, made: Path) -> None:
        assignment = read_assignment(made / "solutions", "01_double")
        assignment.notebook.cells[2].source = (
            "## Task 1: Double [0, 1] (again) (1 point)\n"
            "<details><summary>Hint 1</summary>\n\n</details>"
        )
        del assignment.notebook.cells[3:5]
        task = assignment.tasks[0]
        assert (task.title, task.points) == ("Double [0, 1] (again)", 1)
        assert (task.objective, task.hints, task.answer, task.check) == ("", (), "", "")

    def test_missing_notebook_is_named(self, made: Path) -> None:
        with pytest.raises(CourseError, match=r"02_none\.ipynb does not exist"):
            read_assignment(made / "solutions", "02_none")


class TestReadNotebook:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{",
            "[]",
            "{}",
            '{"nbformat": 9}',
            '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
            '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{}]}',
            json.dumps(
                {
                    "nbformat": 4,
                    "nbformat_minor": 5,
                    "metadata": {},
                    "cells": [{"cell_type": "code", "id": "a", "metadata": {}, "source": ""}],
                }
            ),
        ],
    )
    def test_what_is_no_notebook_is_named_in_one_sentence(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "a.ipynb"
        path.write_text(text)
        with pytest.raises(CourseError, match=r"a\.ipynb cannot be read as a notebook") as raised:
            read_notebook(path)
        assert "\n" not in str(raised.value)

    def test_bytes_that_are_no_text_are_named(self, tmp_path: Path) -> None:
        (tmp_path / "a.ipynb").write_bytes(b"\xff\xfe")
        with pytest.raises(CourseError, match="cannot be read as a notebook"):
            read_notebook(tmp_path / "a.ipynb")


class TestListAssignments:
    def test_names_folders_with_a_notebook_of_their_name(self, tmp_path: Path) -> None:
        for name in ("02_b/02_b.ipynb", "01_a/01_a.ipynb", "01_a/draft.ipynb", "03_c/notes.txt"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()
        assert list_assignments(tmp_path) == ["01_a", "02_b"]

    def test_folder_without_assignments_is_named(self, tmp_path: Path) -> None:
        for folder in (tmp_path, tmp_path / "none"):
            with pytest.raises(CourseError, match="has no assignments"):
                list_assignments(folder)
