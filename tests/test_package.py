import itertools
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import mnist_course

ROOT = Path(__file__).parents[1]


def test_importing_the_package_does_not_import_tensorflow() -> None:
    program = "import sys, mnist_course; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_every_public_name_can_be_imported() -> None:
    for name in mnist_course.__all__:
        assert getattr(mnist_course, name).__doc__
    assert set(mnist_course.__all__) <= set(dir(mnist_course))
    with pytest.raises(AttributeError, match="no attribute 'secret'"):
        mnist_course.secret  # noqa: B018


@pytest.mark.slow
def test_importing_tensorflow_through_the_course_is_quiet() -> None:
    program = (
        "import mnist_course._backend as backend; "
        "backend.tf.function(lambda x: x + 1, jit_compile=True)(backend.tf.constant(1.0))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=True
    )
    assert result.stdout == ""
    assert result.stderr == ""


def test_failed_start_of_tensorflow_is_not_hidden(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text(
        "import os; os.write(2, b'driver says why'); raise ImportError('no driver')"
    )
    result = subprocess.run(
        [sys.executable, "-c", "import mnist_course._backend"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert result.returncode == 1
    assert "driver says why" in result.stderr
    assert "ImportError: no driver" in result.stderr


def test_requirements_name_the_ranges_of_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    declared = {*project["dependencies"], *itertools.chain(*extras)}
    *ranges, course = [
        line
        for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ]
    assert set(ranges) <= declared
    names = [re.split("[<>=]", requirement)[0] for requirement in ranges]
    expected = "tensorflow numpy matplotlib scikit-learn jupyter-book pytest nbgrader"
    assert names == expected.split()
    assert course == "-e .[book,notebooks,test]"


def test_only_maintainers_install_what_only_maintainers_need() -> None:
    lines = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
    assert lines[1:] == ["-r requirements.txt", "-e .[postgresql,dev]"]
