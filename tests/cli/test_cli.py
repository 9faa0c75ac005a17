import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from mnist_course import __version__
from mnist_course.cli import options

SECONDS = 600
Run = Callable[..., "subprocess.CompletedProcess[str]"]


class TestHelp:
    def test_names_every_command_without_importing_tensorflow(self, run: Run) -> None:
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

    def test_has_a_panel_for_each_audience_with_commands_in_the_order_of_use(
        self, run: Run
    ) -> None:
        _, _, *panels = re.split(r"╭─ (\w+) ", run("--help").stdout)[1:]
        titles, texts = panels[::2], panels[1::2]
        commands = [re.findall(r"^│ ([a-z-]+) ", text, re.MULTILINE) for text in texts]
        assert dict(zip(titles, commands, strict=True)) == {
            "Learners": ["doctor", "data", "train", "evaluate", "predict", "study", "inspect"],
            "Instructors": [
                "roster",
                "release",
                "collect",
                "grade",
                "changes",
                "feedback",
                "grades",
                "cohort",
                "move-gradebook",
            ],
            "Authors": ["book", "export-web", "export-replay"],
        }

    def test_usage_errors_exit_with_2(self, run: Run) -> None:
        for arguments in (["nothing"], ["train", "--epochs", "0"], ["predict"]):
            result = run(*arguments)
            assert result.returncode == 2
            assert result.stdout == ""
            assert "Traceback" not in result.stderr


def test_version_is_printed_and_nothing_else(run_process: Run) -> None:
    result = run_process("--version")
    assert result.returncode == 0
    assert result.stdout == f"mnist-course {__version__}\n"
    assert result.stderr == ""


def test_nothing_that_is_printed_is_taken_for_markup(capsys: pytest.CaptureFixture[str]) -> None:
    options.out.print("[bold]ada[/bold] :smile: [/]")
    assert capsys.readouterr().out == "[bold]ada[/bold] :smile: [/]\n"
