import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted(path for path in ROOT.glob("book/**/*.ipynb") if "_build" not in path.parts)
SECONDS = 1800


def run(path: Path, tmp_path: Path) -> str:
    """Run a notebook in a fresh kernel; return what it printed and wrote to stderr."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": tmp_path}})
    client.execute()
    streams = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream"
    ]
    assert "".join(output.text for output in streams if output.name == "stderr") == ""
    return "".join(output.text for output in streams)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_committed_without_outputs(path: Path) -> None:
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_first_code_installs_the_course_where_it_is_missing(path: Path) -> None:
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert 'if find_spec("mnist_course") is None:\n    %pip install' in code[0].source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_figure_has_an_alternative_text(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code" and "plots.plot_" in cell.source:
            assert len(cell.metadata.mystnb.image.alt) > 40


def test_whole_project_runs_on_the_full_mnist(tmp_path: Path) -> None:
    path = ROOT / "book" / "Handwritten_digit_classification.ipynb"
    printed = run(path, tmp_path)
    accuracy = float(printed.split("accuracy on the test images: ")[1].split("%")[0])
    # Ten standard deviations below the mean of the study of seeds: lower means broken.
    assert accuracy > 97
    assert "Test image 1 shows a 2.\nModel prediction: 2" in printed
