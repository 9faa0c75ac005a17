import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import nbformat
import numpy as np
import pytest
from nbformat import v4
from PIL import Image

from mnist_course.data import MNIST
from mnist_course.evaluation import evaluate, robustness
from mnist_course.models import build_mlp, load_model
from mnist_course.preprocessing import normalize

ROOT = Path(__file__).parents[2]
COMMAND = Path(sys.executable).with_name("mnist-course")
SECONDS = 600
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


def run(
    *arguments: str | Path, cwd: Path | None = None, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run the command as a user would: without the environment activated."""
    clean = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    return subprocess.run(
        [COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=SECONDS,
        cwd=cwd,
        env={**clean, "PATH": os.defpath, "COLUMNS": "200", **environment},
        check=False,
    )


def assert_one_sentence(result: "subprocess.CompletedProcess[str]", sentence: str) -> None:
    assert result.returncode == 1
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert re.search(sentence, result.stderr.splitlines()[-1])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that `train` wrote, from a short training on the sample."""
    folder = tmp_path_factory.mktemp("trained")
    result = run("train", "--data", "sample", "--epochs", "2", "--seed", "3", "--json", cwd=folder)
    assert result.returncode == 0, result.stderr
    (folder / "stdout").write_text(result.stdout)
    (folder / "stderr").write_text(result.stderr)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "digits.keras"
    build_mlp(seed=0).save(path)
    return path


class TestHelp:
    def test_names_every_command_without_importing_tensorflow(self) -> None:
        result = run("--help")
        assert result.returncode == 0
        for command in ("train", "evaluate", "predict", "data", "doctor", "release"):
            assert command in result.stdout
        program = (
            "import sys; from typer.testing import CliRunner; from mnist_course.cli import app; "
            "assert CliRunner().invoke(app, ['--help']).exit_code == 0; "
            "slow = {'tensorflow', 'keras', 'numpy', 'matplotlib', 'sklearn', 'scipy', 'PIL'}; "
            "assert not slow & set(sys.modules), slow & set(sys.modules)"
        )
        subprocess.run([sys.executable, "-c", program], check=True, timeout=SECONDS)

    def test_usage_errors_exit_with_2(self) -> None:
        for arguments in (["nothing"], ["train", "--epochs", "0"], ["predict"]):
            result = run(*arguments)
            assert result.returncode == 2
            assert result.stdout == ""
            assert "Traceback" not in result.stderr


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

    def test_json_is_the_report_and_nothing_else(self, trained: Path) -> None:
        report = json.loads((trained / "stdout").read_text())
        assert report == json.loads((trained / "runs/latest/report.json").read_text())
        assert report["recipe"] == "augmented"
        assert report["seed"] == 3
        assert report["epochs"] == 2
        assert report["fit_seconds"] > 0
        assert report["parameters"] == 238_314
        assert report["data"] == {
            "source": "bundled sample",
            "genuine": False,
            "train_images": 4000,
            "test_images": 1000,
        }
        assert report["versions"]["keras"] == keras.__version__

    def test_report_describes_the_model_that_was_saved(self, trained: Path, sample: MNIST) -> None:
        report = json.loads((trained / "stdout").read_text())
        saved = load_model(trained / "runs/latest/digits.keras")
        evaluation = evaluate(saved, normalize(sample.test_images), sample.test_labels)
        assert report["test_accuracy"] == pytest.approx(evaluation.accuracy)
        assert report["interval"] == pytest.approx(evaluation.interval)
        assert report["confusion"] == evaluation.confusion.tolist()
        assert report["prediction"]["predicted"] == evaluation.predictions[1]
        assert report["prediction"]["label"] == sample.test_labels[1]

    def test_history_has_a_row_per_epoch(self, trained: Path) -> None:
        with (trained / "runs/latest/history.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert [row["epoch"] for row in rows] == ["1", "2"]
        assert set(rows[0]) == {"epoch", "accuracy", "loss", "val_accuracy", "val_loss"}
        assert float(rows[1]["loss"]) < float(rows[0]["loss"])

    def test_says_that_the_sample_is_augmented_and_shows_time_left(self, trained: Path) -> None:
        messages = (trained / "stderr").read_text()
        assert "distorted afresh" in messages
        assert "Epoch 2/2" in messages
        assert "left" in messages
        assert "I0000" not in messages
        assert "cuInit" not in messages

    def test_prints_accuracy_interval_data_time_and_one_prediction(self, tmp_path: Path) -> None:
        result = run("train", "--data", "sample", "--epochs", "1", "--output", tmp_path / "out")
        assert result.returncode == 0
        for words in ("test accuracy", "95 % interval", "bundled sample", "training time"):
            assert words in result.stdout
        assert re.search(r"Model prediction: \d$", result.stdout.strip())
        assert (tmp_path / "out" / "report.json").exists()

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
    def test_interrupt_leaves_no_file_and_exits_with_130(self, tmp_path: Path) -> None:
        process = subprocess.Popen(
            [COMMAND, "train", "--data", "sample", "--epochs", "500"],
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

    def test_mistakes_of_the_user_get_one_sentence(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        assert_one_sentence(run("train", "--data", tmp_path / "none"), "none does not exist")
        assert_one_sentence(
            run("train", "--data", "sample", "--recipe", "secret"), "choose one of reference"
        )
        assert_one_sentence(
            run("train", "--data", "sample", "--output", tmp_path / "file"), "file is a file"
        )


class TestEvaluate:
    def test_reports_what_the_library_measures(self, model: Path, sample: MNIST) -> None:
        expected = evaluate(load_model(model), normalize(sample.test_images), sample.test_labels)
        result = run("evaluate", model, "--data", "sample", "--json")
        report = json.loads(result.stdout)
        assert report["test_accuracy"] == expected.accuracy
        assert report["halves"] == list(expected.halves)
        assert "robustness" not in report
        table = run("evaluate", model, "--data", "sample").stdout
        assert f"{expected.accuracy:.2%}" in table
        assert "MNIST-C" not in table

    def test_robustness_is_added_when_asked_for(self, model: Path, sample: MNIST) -> None:
        images = normalize(sample.test_images)
        expected = robustness(load_model(model), images, sample.test_labels)
        plain = run("evaluate", model, "--data", "sample", "--json")
        # A console that takes itself for a terminal shows progress.
        result = run(
            "evaluate", model, "--data", "sample", "--robustness", "--json", FORCE_COLOR="1"
        )
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

        lines = run("evaluate", model, "--data", "sample", "--robustness").stdout.splitlines()
        start = next(i for i, line in enumerate(lines) if "MNIST-C style" in line)
        for line, (name, row) in zip(
            lines[start + 1 : start + 9], found["accuracies"].items(), strict=True
        ):
            assert line.split() == [*name.split(), *(f"{rate:.1%}" for rate in row)]
        assert lines[start + 9].split() == ["mean", f"{found['mean']:.1%}"]

    def test_model_that_cannot_be_loaded_gets_one_sentence(self, tmp_path: Path) -> None:
        (tmp_path / "damaged.keras").write_bytes(b"PK not really")
        assert_one_sentence(
            run("evaluate", tmp_path / "damaged.keras", "--data", "sample"), "cannot be loaded"
        )


class TestPredict:
    def test_reads_pictures_and_agrees_with_the_model(
        self, model: Path, sample: MNIST, tmp_path: Path
    ) -> None:
        pictures = []
        for index in range(3):
            large = 255 - np.kron(sample.test_images[index], np.ones((8, 8), np.uint8))
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

    def test_picture_that_cannot_be_read_is_named(self, model: Path, tmp_path: Path) -> None:
        Image.new("L", (20, 20), 255).save(tmp_path / "blank.png")
        assert_one_sentence(run("predict", model, tmp_path / "none.png"), "none.png does not exist")
        assert_one_sentence(run("predict", model, tmp_path / "blank.png"), "picture is empty")


class TestData:
    def test_tells_source_and_where_it_looked(self, tmp_path: Path) -> None:
        # A proxy that is not there stands for a machine without a network.
        offline = {
            "KERAS_HOME": str(tmp_path),
            "MNIST_COURSE_DATA": "",
            "https_proxy": "http://127.0.0.1:9",
        }
        result = run("data", "--json", **offline)
        assert result.returncode == 0
        document = json.loads(result.stdout)
        assert document["source"] == "bundled sample"
        assert document["genuine"] is False
        assert [place["place"] for place in document["looked"]] == [
            "MNIST_COURSE_DATA",
            str(tmp_path / "datasets" / "mnist.npz"),
            str(tmp_path / "datasets" / "mnist-idx"),
            "Keras's server",
            "mirror",
            "bundled sample",
        ]
        table = run("data", **offline)
        assert "not the complete MNIST" in table.stdout
        assert "MNIST_COURSE_DATA" in table.stderr

    def test_genuine_data_is_called_so(self, full_mnist: MNIST) -> None:
        document = json.loads(run("data", "--data", full_mnist.source, "--json").stdout)
        assert document["genuine"] is True
        assert document["train_images"] == 60_000
        assert document["test_images"] == 10_000


class TestDoctor:
    def test_names_what_is_there_and_what_mends_the_rest(self) -> None:
        result = run("doctor", "--json")
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


class TestRelease:
    NAME = "01_one"
    EXERCISE = str(Path("exercises", NAME, f"{NAME}.ipynb"))

    @pytest.fixture
    def course(self, tmp_path: Path) -> Path:
        """A course with one assignment of one task."""

        def code(source: str, **metadata: object) -> nbformat.NotebookNode:
            common = {"schema_version": 3, "task": False, "cell_type": "code"}
            return v4.new_code_cell(source, metadata={"nbgrader": {**common, **metadata}})

        task = (
            "## Task 1: One (1 point)\n**Objective:** name a number.\n"
            "<details><summary>Hint 1</summary>\n\nIt is the first.\n\n</details>"
        )
        notebook = v4.new_notebook(
            cells=[
                v4.new_markdown_cell("# 01 · One\n\n**Points:** 1"),
                code(
                    "class check:\n    def one(number):\n        assert number == 1",
                    **{"grade": False, "solution": False, "locked": True, "grade_id": "setup"},
                ),
                v4.new_markdown_cell(task),
                code(
                    "### BEGIN SOLUTION\none = 1\n### END SOLUTION",
                    **{"grade": False, "solution": True, "locked": False, "grade_id": "one"},
                ),
                code(
                    "check.one(one)",
                    **{"grade": True, "solution": False, "locked": True, "grade_id": "check_one"},
                    points=1,
                ),
            ],
            metadata={"kernelspec": {"display_name": "Python 3", "name": "python3"}},
        )
        folder = tmp_path / "solutions" / self.NAME
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{self.NAME}.ipynb")
        (folder / f"test_{self.NAME}.py").write_text(
            "import pytest\n\n"
            '@pytest.mark.points(1, cell="check_one")\n'
            'def test_one(student):\n    """`one` should be 1."""\n'
            '    assert student.json("one") == 1\n'
        )
        shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
        return tmp_path

    def test_writes_exercises_that_pass_the_check(self, course: Path) -> None:
        result = run("release", cwd=course)
        assert result.returncode == 0, result.stderr
        assert result.stdout == ""
        assert result.stderr.endswith(f"Wrote {self.EXERCISE}\n")
        assert "one = 1" not in (course / self.EXERCISE).read_text(encoding="utf-8")

        result = run("release", "--check", cwd=course)
        assert result.returncode == 0, result.stdout
        assert result.stdout == "All is well.\n"
        assert "1/1: checking 01_one" in result.stderr

    def test_check_tells_file_cell_and_what_to_do_and_exits_with_1(self, course: Path) -> None:
        source = course / "solutions" / self.NAME / f"{self.NAME}.ipynb"
        text = source.read_text(encoding="utf-8")
        source.write_text(text.replace("**Objective:**", "Objective:"), encoding="utf-8")
        result = run("release", self.NAME, "--check", "--course", course)
        assert result.returncode == 1
        assert "Traceback" not in result.stderr
        no_objective, missing = result.stdout.splitlines()
        assert no_objective.startswith(
            f"solutions/{self.NAME}/{self.NAME}.ipynb, cell 3: task 1 has no objective"
        )
        assert missing.startswith(f"exercises/{self.NAME}/{self.NAME}.ipynb: it is missing")
        assert not (course / "exercises").exists()

        document = json.loads(run("release", "--check", "--json", "--course", course).stdout)
        assert [(problem["file"], problem["cell"]) for problem in document["problems"]] == [
            (f"solutions/{self.NAME}/{self.NAME}.ipynb", "cell 3"),
            (f"exercises/{self.NAME}/{self.NAME}.ipynb", ""),
        ]

    def test_json_names_the_files_written(self, course: Path) -> None:
        result = run("release", self.NAME, "--json", cwd=course)
        assert json.loads(result.stdout) == {"files": [self.EXERCISE]}

    def test_mistakes_of_the_user_get_one_sentence(self, course: Path) -> None:
        assert_one_sentence(
            run("release", "--course", course / "solutions"), r"has no nbgrader_config\.py"
        )
        assert_one_sentence(run("release", "02_two", cwd=course), "choose one of 01_one")
        source = course / "solutions" / self.NAME / f"{self.NAME}.ipynb"
        source.write_text(source.read_text(encoding="utf-8").replace("END SOLUTION", ""))
        assert_one_sentence(run("release", cwd=course), "no end solution statement found")
