"""A notebook is found by its content, and which one was taken is said."""

import zipfile
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode, v4

from mnist_course.grading.course.assignment import Assignment
from mnist_course.grading.submissions.find import belongs, find_notebook
from mnist_course.grading.submissions.read import RejectedError

FILE = "01_double.ipynb"


def write(folder: Path, name: str, notebook: NotebookNode) -> bytes:
    notebook = nbformat.from_dict(notebook)
    data = nbformat.writes(notebook).encode()
    (folder / name).write_bytes(data)
    return data


def test_expected_name_is_taken_in_silence(folder: Path, assignment: Assignment) -> None:
    found = find_notebook(folder, assignment)
    assert (found.file, found.notice) == (FILE, "")
    assert found.data == (folder / FILE).read_bytes()


@pytest.mark.parametrize(
    "name",
    [
        "01_double (1).ipynb",
        "01_double-1.ipynb",
        "ada_LATE_1234_5678_01_double-2.ipynb",
        "Kopie von 01_double.ipynb",
        "Untitled.ipynb",
        "01_DOUBLE.IPYNB",
        "01_double.ipynb.txt",
        "课程.ipynb",
    ],
)
def test_other_name_is_taken_by_content_and_said(
    folder: Path, assignment: Assignment, name: str
) -> None:
    (folder / FILE).rename(folder / name)
    found = find_notebook(folder, assignment)
    assert found.file == name
    assert found.notice == f"`{name}` was taken for 01_double.ipynb, by its content."


def test_notebook_without_ids_is_taken_by_what_it_defines(
    folder: Path, assignment: Assignment, answered: NotebookNode
) -> None:
    (folder / FILE).unlink()
    for cell in answered.cells:
        cell.metadata = {}
    write(folder, "work.ipynb", answered)
    assert find_notebook(folder, assignment).file == "work.ipynb"


def test_of_two_the_one_with_the_right_name_is_taken_if_it_has_answers(
    folder: Path, assignment: Assignment, answered: NotebookNode
) -> None:
    write(folder, "01_double (1).ipynb", answered)
    found = find_notebook(folder, assignment)
    assert found.file == "01_double (1).ipynb"
    assert found.notice.endswith("because 01_double.ipynb has no answers.")
    answered.cells[3].source = "def double(number):\n    return number + number"
    write(folder, FILE, answered)
    found = find_notebook(folder, assignment)
    assert found.file == FILE
    assert found.notice == (
        "01_double.ipynb was graded, for its name; answers are in `01_double (1).ipynb`, too."
    )


def test_two_of_other_names_are_refused_in_a_sentence(
    folder: Path, assignment: Assignment, answered: NotebookNode
) -> None:
    (folder / FILE).unlink()
    write(folder, "a.ipynb", answered)
    write(folder, "b.ipynb", answered)  # the same file twice is one
    assert find_notebook(folder, assignment).file == "a.ipynb"
    answered.cells[3].source = "def double(number):\n    return number + number"
    write(folder, "b.ipynb", answered)
    with pytest.raises(RejectedError, match=r"`a.ipynb`, `b.ipynb` all answer 01_double; expected"):
        find_notebook(folder, assignment)


def test_notebook_of_something_else_is_not_taken(folder: Path, assignment: Assignment) -> None:
    (folder / FILE).unlink()
    write(folder, "notes.ipynb", v4.new_notebook(cells=[v4.new_code_cell("x = 1")]))
    (folder / "broken.ipynb").write_text("{")
    (folder / "link.ipynb").symlink_to(folder / "notes.ipynb")
    with pytest.raises(RejectedError, match=r"is missing \(`broken.ipynb`, `link.ipynb`, `notes"):
        find_notebook(folder, assignment)


def test_notebook_in_an_unpacked_folder_is_found(folder: Path, assignment: Assignment) -> None:
    (folder / "work").mkdir()
    (folder / "__MACOSX").mkdir()
    (folder / FILE).rename(folder / "work" / "01_double-1.ipynb")
    found = find_notebook(folder, assignment)
    assert found.file == "work/01_double-1.ipynb"
    assert found.notice == "`work/01_double-1.ipynb` was graded, from a folder within."
    (folder / "work").rename(folder.parent / "outside")
    (folder / "work").symlink_to(folder.parent / "outside")
    with pytest.raises(RejectedError, match="is missing"):
        find_notebook(folder, assignment)


def test_archive_left_unopened_is_recognized_as_one(folder: Path, assignment: Assignment) -> None:
    with zipfile.ZipFile(folder / "work.zip", "w") as archive:
        archive.write(folder / FILE, FILE)
    (folder / FILE).unlink()
    with pytest.raises(RejectedError, match=r"`work.zip` is an archive that was left unopened"):
        find_notebook(folder, assignment)


def test_notebook_belongs_where_half_of_its_tasks_are(
    assignment: Assignment, answered: NotebookNode
) -> None:
    assert belongs(answered, assignment) == 2
    del answered.cells[3]
    assert belongs(answered, assignment) == 1
    assert belongs(v4.new_notebook(), assignment) == 0
