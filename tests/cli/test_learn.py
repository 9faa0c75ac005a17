import csv
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import nbformat
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mnist_course.cli import app
from mnist_course.data import MNIST
from mnist_course.errors import CourseError
from mnist_course.evaluation import evaluate, robustness
from mnist_course.experiments.study import summarize
from mnist_course.grading.submissions import inspect as inspection
from mnist_course.models import build_mlp, load_model
from mnist_course.preprocessing import normalize

COMMAND = Path(sys.executable).with_name("mnist-course")
SECONDS = 600
Run = Callable[..., "subprocess.CompletedProcess[str]"]
FILES = {
    "class_balance.png",
    "confusion.png",
    "digits.keras",
    "first_layer.png",
    "history.csv",
    "learning_curves.png",
    "mistakes.png",
    "prediction.png",
    "report.json",
    "sample_digits.png",
}


@pytest.fixture(scope="module")
def trained(run_process: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that `train` wrote, from a short training."""
    folder = tmp_path_factory.mktemp("trained")
    result = run_process("train", "--epochs", "2", "--seed", "3", "--json", cwd=folder)
    assert result.returncode == 0, result.stderr
    (folder / "stdout").write_text(result.stdout)
    (folder / "stderr").write_text(result.stderr)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "digits.keras"
    build_mlp(seed=0).save(path)
    return path


class TestDoctor:
    @pytest.mark.slow
    def test_names_what_is_there_and_what_mends_the_rest(self, run_process: Run) -> None:
        result = run_process("doctor", "--json")
        checks = {check["name"]: check for check in json.loads(result.stdout)}
        assert set(checks) >= {
            "Python",
            "tensorflow",
            "TensorFlow runs",
            "processor",
            "memory",
            "data",
            "Jupyter kernel",
            "sandbox",
            "browser",
        }
        assert checks["TensorFlow runs"]["ok"]
        assert checks["keras"]["found"] == keras.__version__
        assert result.returncode == 0


class TestData:
    def test_tells_source_sizes_and_where_it_looked(self, run: Run, mnist: MNIST) -> None:
        result = run("data", "--json", MNIST_COURSE_DATA="")
        assert result.returncode == 0
        assert json.loads(result.stdout) == {
            "source": mnist.source,
            "train_images": 60_000,
            "test_images": 10_000,
            "writers": 836,
            "looked": [
                {"place": "MNIST_COURSE_DATA", "outcome": "not set"},
                {"place": "bundled with the course", "outcome": "used"},
            ],
        }
        table = run("data", MNIST_COURSE_DATA="").stdout
        assert "60,000 training and 10,000 test images" in table
        assert "836 people" in table
        assert re.search(r"MNIST_COURSE_DATA +not set\n", table)

    def test_a_copy_of_ones_own_is_named(self, run: Run, mnist: MNIST, tmp_path: Path) -> None:
        own = str(shutil.copy(mnist.source, tmp_path / "own.npz"))
        document = json.loads(run("data", "--json", MNIST_COURSE_DATA=own).stdout)
        assert document["source"] == own
        assert [place["outcome"] for place in document["looked"]] == ["used", "not needed"]
        document = json.loads(run("data", "--data", own, "--json").stdout)
        assert document["source"] == own
        assert document["looked"] == [{"place": own, "outcome": "used"}]


@pytest.mark.slow
class TestTrain:
    def test_writes_the_promised_files_and_says_so(self, trained: Path) -> None:
        output = trained / "runs" / "latest"
        assert {path.name for path in output.iterdir()} == FILES
        assert [path.name for path in output.parent.iterdir()] == ["latest"]
        written = (trained / "stderr").read_text()
        for name in FILES:
            assert name in written
        for path in output.glob("*.png"):
            with Image.open(path) as figure:
                assert min(figure.size) > 300

    def test_json_is_the_report_and_nothing_else(self, trained: Path, mnist: MNIST) -> None:
        report = json.loads((trained / "stdout").read_text())
        assert report == json.loads((trained / "runs/latest/report.json").read_text())
        assert report["recipe"] == "reference"
        assert report["seed"] == 3
        assert report["epochs"] == 2
        assert report["fit_seconds"] > 0
        assert report["parameters"] == 238_314
        assert report["data"] == {
            "source": mnist.source,
            "train_images": 60_000,
            "test_images": 10_000,
        }
        assert report["versions"]["keras"] == keras.__version__

    def test_report_describes_the_model_that_was_saved(self, trained: Path, mnist: MNIST) -> None:
        report = json.loads((trained / "stdout").read_text())
        saved = load_model(trained / "runs/latest/digits.keras")
        evaluation = evaluate(saved, normalize(mnist.test_images), mnist.test_labels)
        assert report["test_accuracy"] == pytest.approx(evaluation.accuracy)
        assert report["interval"] == pytest.approx(evaluation.interval)
        assert report["confusion"] == evaluation.confusion.tolist()
        assert report["prediction"]["predicted"] == evaluation.predictions[1]
        assert report["prediction"]["label"] == mnist.test_labels[1]

    def test_history_has_a_row_per_epoch(self, trained: Path) -> None:
        with (trained / "runs/latest/history.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert [row["epoch"] for row in rows] == ["1", "2"]
        assert set(rows[0]) == {"epoch", "accuracy", "loss", "val_accuracy", "val_loss"}
        assert float(rows[1]["loss"]) < float(rows[0]["loss"])

    def test_shows_time_left(self, trained: Path) -> None:
        messages = (trained / "stderr").read_text()
        assert "Epoch 2/2" in messages
        assert "left" in messages
        assert "I0000" not in messages
        assert "cuInit" not in messages

    @pytest.mark.usefixtures("only_few")
    def test_prints_accuracy_interval_data_time_and_one_prediction(
        self, run: Run, tmp_path: Path
    ) -> None:
        result = run("train", "--epochs", "1", "--output", tmp_path / "out")
        assert result.returncode == 0
        for words in ("test accuracy", "95% interval", "mnist.npz", "training time"):
            assert words in result.stdout
        assert re.search(r"Model prediction: \d$", result.stdout.strip())
        assert (tmp_path / "out" / "report.json").exists()

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
    def test_interrupt_leaves_no_file_and_exits_with_130(self, tmp_path: Path) -> None:
        process = subprocess.Popen(
            [COMMAND, "train", "--epochs", "500"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            # Shells let what they start in the background ignore SIGINT, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Training"):
                break
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        _, messages = process.communicate(timeout=SECONDS)
        assert process.returncode == 130
        assert "Traceback" not in messages
        assert list(tmp_path.iterdir()) == []

    def test_mistakes_of_the_user_get_one_sentence(
        self, run: Run, assert_one_sentence: Callable[..., None], tmp_path: Path
    ) -> None:
        (tmp_path / "file").touch()
        assert_one_sentence(
            run("train", "--data", tmp_path / "none"), r"no MNIST at .*none \(file not found\)"
        )
        assert_one_sentence(run("train", "--recipe", "secret"), "choose one of plain")
        assert_one_sentence(run("train", "--output", tmp_path / "file"), "file is a file")


class TestRecipe:
    @pytest.mark.slow
    @pytest.mark.parametrize("command", ["train", "study"])
    def test_that_does_not_exist_is_refused_before_data_is_loaded(
        self, run: Run, assert_one_sentence: Callable[..., None], tmp_path: Path, command: str
    ) -> None:
        result = run(command, "--recipe", "typo", "--data", tmp_path / "none", cwd=tmp_path)
        assert_one_sentence(
            result, "no recipe 'typo': choose one of plain, quick, reference, augmented, cnn"
        )
        assert len(result.stderr.splitlines()) == 1
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("command", ["train", "study"])
    def test_help_shows_the_default(self, run: Run, command: str) -> None:
        assert "[default: reference]" in run(command, "--help").stdout


class TestEvaluate:
    @pytest.mark.slow
    def test_reports_what_the_library_measures(self, run: Run, model: Path, mnist: MNIST) -> None:
        expected = evaluate(load_model(model), normalize(mnist.test_images), mnist.test_labels)
        result = run("evaluate", model, "--json")
        report = json.loads(result.stdout)
        assert report["test_accuracy"] == expected.accuracy
        assert report["halves"] == list(expected.halves)
        assert "robustness" not in report
        table = run("evaluate", model).stdout
        assert f"{expected.accuracy:.2%}" in table
        assert "MNIST-C" not in table

    @pytest.mark.slow
    def test_robustness_is_added_when_asked_for(
        self, run: Run, model: Path, few: MNIST, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fewer = replace(
            few,
            test_images=few.test_images[:100],
            test_labels=few.test_labels[:100],
            test_writers=few.test_writers[:100],
        )
        monkeypatch.setattr("mnist_course.data.load_mnist", lambda source=None: fewer)
        images = normalize(fewer.test_images)
        expected = robustness(load_model(model), images, fewer.test_labels)
        plain = run("evaluate", model, "--json")
        # A console that takes itself for a terminal shows progress.
        result = run("evaluate", model, "--robustness", "--json", FORCE_COLOR="1")
        report = json.loads(result.stdout)
        found = report.pop("robustness")
        assert report == json.loads(plain.stdout)
        assert found["style"] == "MNIST-C style"
        assert found["clean"] == report["test_accuracy"]
        assert list(found["accuracies"]) == list(expected.names)
        np.testing.assert_allclose(
            list(found["accuracies"].values()), expected.accuracies, atol=0.002
        )
        assert found["mean"] == pytest.approx(expected.mean, abs=0.002)
        assert "100%" in result.stderr
        assert "100%" not in plain.stderr

        # It is measured above; this is how it is printed.
        monkeypatch.setattr("mnist_course.evaluation.robustness", lambda *_: expected)
        table = run("evaluate", model, "--robustness")
        lines = table.stdout.splitlines()
        start = next(i for i, line in enumerate(lines) if "MNIST-C style" in line)
        for line, (name, row) in zip(
            lines[start + 1 : start + 9], found["accuracies"].items(), strict=True
        ):
            assert line.split() == [*name.split(), *(f"{rate:.1%}" for rate in row)]
        assert lines[start + 9].split() == ["mean", f"{found['mean']:.1%}"]

    @pytest.mark.slow
    def test_model_that_cannot_be_loaded_gets_one_sentence(
        self, run: Run, assert_one_sentence: Callable[..., None], tmp_path: Path
    ) -> None:
        (tmp_path / "damaged.keras").write_bytes(b"PK not really")
        assert_one_sentence(run("evaluate", tmp_path / "damaged.keras"), "cannot be loaded")


class TestPredict:
    @pytest.mark.slow
    def test_reads_pictures_and_agrees_with_the_model(
        self, run: Run, model: Path, mnist: MNIST, tmp_path: Path
    ) -> None:
        pictures = []
        for index in range(3):
            large = 255 - np.kron(mnist.test_images[index], np.ones((8, 8), np.uint8))
            pictures.append(tmp_path / f"digit {index}.png")
            Image.fromarray(large).save(pictures[-1])
        result = run("predict", model, *pictures, "--json")
        results = json.loads(result.stdout)
        assert [entry["image"] for entry in results] == list(map(str, pictures))
        for entry in results:
            assert len(entry["probabilities"]) == 10
            assert sum(entry["probabilities"]) == pytest.approx(1)
            assert entry["prediction"] == int(np.argmax(entry["probabilities"]))
        lines = run("predict", model, *pictures).stdout.splitlines()
        for line, entry in zip(lines, results, strict=True):
            assert f"Model prediction: {entry['prediction']} (" in line

    @pytest.mark.slow
    def test_picture_that_cannot_be_read_is_named(
        self, run: Run, assert_one_sentence: Callable[..., None], model: Path, tmp_path: Path
    ) -> None:
        Image.new("L", (20, 20), 255).save(tmp_path / "blank.png")
        assert_one_sentence(run("predict", model, tmp_path / "none.png"), "none.png does not exist")
        assert_one_sentence(run("predict", model, tmp_path / "blank.png"), "picture is empty")

    @pytest.mark.slow
    def test_missing_model_is_named_before_a_missing_picture(
        self, run: Run, assert_one_sentence: Callable[..., None], tmp_path: Path
    ) -> None:
        result = run("predict", tmp_path / "none.keras", tmp_path / "none.png")
        assert_one_sentence(result, r"none\.keras does not exist")


class TestStudy:
    def test_prints_the_spread_and_a_line_for_each_gate(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        def study(*_: object, recipe: str, seeds: range, **__: object) -> dict[str, object]:
            assert list(seeds) == [100, 101, 102]
            return {"recipe": recipe, **summarize([0.981, 0.983, 0.979], images=10_000)}

        monkeypatch.setattr("mnist_course.experiments.study.study", study)
        seeds = ["--first-seed", "100", "--seeds", "3"]
        result = CliRunner().invoke(app, ["study", *seeds, "--output", str(tmp_path)])
        assert "Training the recipe reference from 3 seeds" in result.stderr
        first, _, *gates = result.stdout.splitlines()
        assert first == (
            "reference: mean 98.10%, standard deviation 0.20%, from 97.90% to 98.30% over 3 seeds"
        )
        assert [gate.split()[:2] for gate in gates] == [
            ["97.5%", "100%"],
            ["98.0%", "67%"],
            ["98.5%", "0%"],
        ]


class TestInspect:
    NAME = "01_double"

    @pytest.fixture
    def broken(self, course: Path) -> Path:
        """An exercise in which one task is solved, and its check is gone."""
        exercise = course / "exercises" / self.NAME / f"{self.NAME}.ipynb"
        notebook = nbformat.read(exercise, as_version=4)
        kept = []
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            if name == "double":
                cell.source = "def double(number):\n    return 2 * number"
            if name not in ("check_double", "greet"):
                kept.append(cell)
        notebook.cells = kept
        path = course / "mine" / f"{self.NAME}.ipynb"
        path.parent.mkdir()
        nbformat.write(notebook, path)
        return path

    def test_names_what_is_missing_and_what_it_costs(self, course: Path, broken: Path) -> None:
        before = broken.read_bytes()
        result = CliRunner().invoke(
            app, ["inspect", str(broken), "--course", str(course), "--json"]
        )
        assert result.exit_code == 1
        document = json.loads(result.stdout)
        assert document["assignment"] == self.NAME
        assert document["costs"] == sum(finding["costs"] for finding in document["findings"]) == 3.5
        costs = {finding["cell"]: finding["costs"] for finding in document["findings"]}
        assert (costs["check_double"], costs["greet"]) == (0, 1.5)
        assert document["repaired"] is None
        assert broken.read_bytes() == before

    def test_what_lies_beside_a_notebook_matters_in_a_folder_only(
        self, course: Path, broken: Path
    ) -> None:
        (broken.parent / "holiday.jpg").touch()
        command = ["inspect", "--course", str(course)]
        assert "holiday.jpg" not in CliRunner().invoke(app, [*command, str(broken)]).stdout
        assert "holiday.jpg" in CliRunner().invoke(app, [*command, str(broken.parent)]).stdout

    def test_repairs_beside_the_original(self, course: Path, broken: Path) -> None:
        before = broken.read_bytes()
        command = ["inspect", str(broken.parent), "--course", str(course), "--repair"]
        result = CliRunner().invoke(app, command)
        assert "check_double" in result.stdout
        repaired = broken.with_name(f"{self.NAME}.repaired.ipynb")
        assert str(repaired) in result.stderr.replace("\n", "")
        assert broken.read_bytes() == before
        names = [
            cell.metadata.get("nbgrader", {}).get("grade_id")
            for cell in nbformat.read(repaired, as_version=4).cells
        ]
        assert {"double", "check_double", "greet", "check_greet", "why"} <= set(names)

    def test_a_repaired_notebook_is_inspected_in_its_place(
        self, course: Path, broken: Path
    ) -> None:
        command = ["inspect", "--course", str(course)]
        CliRunner().invoke(app, [*command, str(broken), "--repair"])
        repaired = broken.with_name(f"{self.NAME}.repaired.ipynb")
        broken.write_text("nothing")
        result = CliRunner().invoke(app, [*command, str(repaired), "--json"])
        document = json.loads(result.stdout)
        assert document["assignment"] == self.NAME
        # The answer of `greet` and the reflection are as released; nothing else is left to say.
        assert {f["cell"]: f["costs"] for f in document["findings"]} == {"greet": 1.5, "why": 2}

        repaired.write_text("{")
        result = CliRunner().invoke(app, [*command, str(repaired)])
        assert f"{self.NAME}.repaired.ipynb is not JSON" in str(result.exception)

    def test_an_unknown_notebook_is_named(self, course: Path, tmp_path: Path) -> None:
        other = tmp_path / "cat.ipynb"
        nbformat.write(nbformat.v4.new_notebook(), other)
        result = CliRunner().invoke(app, ["inspect", str(other), "--course", str(course)])
        assert isinstance(result.exception, CourseError)
        assert self.NAME in str(result.exception)

    @pytest.mark.parametrize(("costs", "words"), [(1.0, "1 point."), (0.5, "0.5 points.")])
    def test_costs_are_counted_in_the_singular_and_plural(
        self,
        course: Path,
        broken: Path,
        monkeypatch: pytest.MonkeyPatch,
        costs: float,
        words: str,
    ) -> None:
        finding = inspection.Finding("greet", "it is missing", costs)
        monkeypatch.setattr(inspection, "inspect", lambda *_: [finding])
        result = CliRunner().invoke(app, ["inspect", str(broken), "--course", str(course)])
        assert result.stdout.endswith(f"As it is, this costs {words}\n")
