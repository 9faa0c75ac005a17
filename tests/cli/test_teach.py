import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import v4
from typer.testing import CliRunner

from mnist_course.cli import app
from mnist_course.grading.batch import coordinator
from mnist_course.grading.course.assignment import Chapter
from mnist_course.grading.gradebook import changes, cohort, feedback, records

ROOT = Path(__file__).parents[2]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


class TestRelease:
    NAME = "01_one"
    EXERCISE = str(Path("exercises", NAME, f"{NAME}.ipynb"))
    AGENTS = str(Path("exercises", "AGENTS.md"))

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

    @pytest.mark.slow
    @pytest.mark.sandbox
    def test_writes_exercises_that_pass_the_check(self, run: Run, course: Path) -> None:
        result = run("release", cwd=course)
        assert result.returncode == 0, result.stderr
        assert result.stdout == ""
        assert result.stderr.endswith(f"Wrote {self.EXERCISE}\nWrote {self.AGENTS}\n")
        assert "one = 1" not in (course / self.EXERCISE).read_text(encoding="utf-8")

        result = run("release", "--check", cwd=course)
        assert result.returncode == 0, result.stdout
        assert result.stdout == "All is well.\n"
        assert "1/1: checking 01_one" in result.stderr

    @pytest.mark.slow
    @pytest.mark.sandbox
    def test_check_tells_file_cell_and_what_to_do_and_exits_with_1(
        self, run: Run, course: Path
    ) -> None:
        source = course / "solutions" / self.NAME / f"{self.NAME}.ipynb"
        text = source.read_text(encoding="utf-8")
        source.write_text(text.replace("**Objective:**", "Objective:"), encoding="utf-8")
        result = run("release", self.NAME, "--check", "--course", course)
        assert result.returncode == 1
        assert "Traceback" not in result.stderr
        no_objective, missing, no_rule = result.stdout.splitlines()
        assert no_objective.startswith(
            f"solutions/{self.NAME}/{self.NAME}.ipynb, cell 3: task 1 has no objective"
        )
        assert missing.startswith(f"exercises/{self.NAME}/{self.NAME}.ipynb: it is missing")
        assert no_rule.startswith("exercises/AGENTS.md: it doesn't state the course's rule")
        assert not (course / "exercises").exists()

        document = json.loads(run("release", "--check", "--json", "--course", course).stdout)
        assert [(problem["file"], problem["cell"]) for problem in document["problems"]] == [
            (f"solutions/{self.NAME}/{self.NAME}.ipynb", "cell 3"),
            (f"exercises/{self.NAME}/{self.NAME}.ipynb", ""),
            ("exercises/AGENTS.md", ""),
        ]

    @pytest.mark.slow
    def test_json_names_the_files_written(self, run: Run, course: Path) -> None:
        result = run("release", self.NAME, "--json", cwd=course)
        assert json.loads(result.stdout) == {"files": [self.EXERCISE, self.AGENTS]}

    @pytest.mark.slow
    def test_mistakes_of_the_user_get_one_sentence(
        self, run: Run, assert_one_sentence: Callable[..., None], course: Path
    ) -> None:
        assert_one_sentence(
            run("release", "--course", course / "solutions"), r"has no nbgrader_config\.py"
        )
        assert_one_sentence(run("release", "02_two", cwd=course), "choose one of 01_one")
        source = course / "solutions" / self.NAME / f"{self.NAME}.ipynb"
        source.write_text(source.read_text(encoding="utf-8").replace("END SOLUTION", ""))
        assert_one_sentence(run("release", cwd=course), "no end solution statement found")


class TestCounts:
    """Each message has its noun in the singular or plural."""

    @pytest.fixture
    def course(self, tmp_path: Path) -> Path:
        shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
        return tmp_path

    @pytest.mark.parametrize(("number", "words"), [(1, "1 submission"), (2, "2 submissions")])
    def test_of_graded_submissions(
        self, course: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
    ) -> None:
        done = [coordinator.Graded("ada", None, "no room")] * number
        monkeypatch.setattr(coordinator, "grade", lambda *_, **__: done)
        result = CliRunner().invoke(app, ["grade", "01_one", "--course", str(course)])
        assert result.exit_code == 1
        assert result.stdout.endswith(f"{words} in 0:00:00\n")
        assert f"The gradebook is missing {words}:" in result.stderr

    def test_problem_that_all_submissions_share_is_said_once_before_the_table(
        self, course: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        done = [coordinator.Graded(student, None, "no room.") for student in ("ada", "bob")]

        def grade(*_: object, report: Callable[..., None], **__: object) -> list[object]:
            for number, graded in enumerate(done):
                report(graded, number + 1, len(done))
            return done

        monkeypatch.setattr(coordinator, "grade", grade)
        result = CliRunner().invoke(app, ["grade", "01_one", "--course", str(course)])
        lines = result.stderr.splitlines()
        assert lines[:2] == ["ada: not graded. no room.", "bob: not graded."]
        assert result.stdout.count("no room") == 2

    @pytest.mark.parametrize(
        ("number", "words"), [(1, "Wrote 1 page: "), (2, "Wrote 2 pages, the first one: ")]
    )
    def test_of_pages_of_feedback(
        self, course: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
    ) -> None:
        pages = [Path("ada.html")] * number
        monkeypatch.setattr(feedback, "generate_feedback", lambda *_, **__: pages)
        result = CliRunner().invoke(app, ["feedback", "01_one", "--course", str(course)])
        assert result.stderr == f"{words}ada.html\n"

    @pytest.mark.parametrize(("number", "plural"), [(1, ""), (12, "s")])
    def test_of_students(
        self,
        course: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        number: int,
        plural: str,
    ) -> None:
        task = cohort.TaskSummary(
            number=1,
            title="One",
            solved=0,
            partly=0,
            not_solved=number,
            not_attempted=0,
            feedback=(cohort.Heard("`one` should be 1.", number),),
            chapters=(Chapter("Loading: Shapes", "https://e.org"),),
        )
        summary = cohort.Cohort("01_one", number, number, [task], [])
        monkeypatch.setattr(cohort, "read_cohort", lambda *_: summary)
        command = ["cohort", "01_one", "--course", str(course), "--output", str(tmp_path / "out")]
        result = CliRunner().invoke(app, command)
        first, second, *_, task_line, sentence, _ = result.stdout.splitlines()
        assert first == f"01_one: {number} graded submission{plural}"
        assert second == f"Rejected, and counted in no task: {number} submission{plural}"
        assert task_line == (
            f"Task 1: {number} of {number} student{plural} missed points. "
            "To take up again: Loading: Shapes"
        )
        assert sentence == f"{number:>5}  `one` should be 1."


class TestChanges:
    """After a run, the command prints who changed, and no more than fit on a screen."""

    @pytest.fixture
    def course(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
        monkeypatch.setattr(coordinator, "grade", lambda *_, **__: [])
        monkeypatch.setattr(records, "is_adjusted", lambda *_: False)
        return tmp_path

    def run(
        self, course: Path, monkeypatch: pytest.MonkeyPatch, number: int, *options: str
    ) -> "subprocess.CompletedProcess[str]":
        found = [
            changes.Change("2026-04-03T10:00:00+00:00", f"s{i}", "check_one", 1, 0.5, "a test")
            for i in range(number)
        ]
        files = [course / "01_one.changes.csv", course / "01_one.changes.html"]
        monkeypatch.setattr(changes, "report_changes", lambda *_: (found, files))
        return CliRunner().invoke(app, ["grade", "01_one", "--course", str(course), *options])

    def test_of_one_student(self, course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        result = self.run(course, monkeypatch, 1)
        assert "The points of 1 student changed:\n" in result.stdout
        assert "2026-04-03  s0       check_one  1 → 0.5  a test\n" in result.stdout
        assert "more" not in result.stdout
        assert result.stderr.endswith("01_one.changes.csv and 01_one.changes.html\n")

    def test_of_a_large_class(self, course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        result = self.run(course, monkeypatch, 23)
        assert "The points of 23 students changed:\n" in result.stdout
        assert result.stdout.count("check_one") == 20
        assert result.stdout.endswith("and 3 more changes: see 01_one.changes.csv\n")
        document = json.loads(self.run(course, monkeypatch, 23, "--json").stdout)
        assert len(document["changes"]) == 23
        assert document["changes"][0] == {
            "date": "2026-04-03T10:00:00+00:00",
            "student": "s0",
            "cell": "check_one",
            "old": 1,
            "new": 0.5,
            "why": "a test",
        }
