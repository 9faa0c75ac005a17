"""A saved list of Colab's packages is compared with the ranges of the course."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOWEST = {
    need.name: min(pin.version for pin in need.specifier if pin.operator == ">=")
    for need in map(Requirement, PROJECT["dependencies"])
}
# In the forms that pip and Colab use.
LISTING = """\
# Do not modify this file directly; it is generated via
#  $ python3 -m pip freeze
absl-py==1.4.0
en-core-web-sm @ https://example.org/en_core_web_sm-3.6.0-py3-none-any.whl#sha256=83276fc7
google-colab @ file:///colabtools/dist/google-colab-1.0.0.tar.gz
torch==2.9.0+cu126
"""


def check_colab(listing: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / "check_colab.py", listing],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def write(path: Path, versions: dict[str, str]) -> Path:
    path.write_text(LISTING + "".join(f"{name}=={found}\n" for name, found in versions.items()))
    return path


def test_packages_in_range_are_listed(tmp_path: Path) -> None:
    # Names may be written in another way, as Colab writes Pillow and scikit_learn.
    versions = {name.replace("-", "_").title(): found for name, found in LOWEST.items()}
    done = check_colab(write(tmp_path / "colab.txt", versions))
    assert (done.returncode, done.stderr) == (0, "")
    for name, found in LOWEST.items():
        assert f"{name} {found}" in done.stdout


@pytest.mark.parametrize(("found", "words"), [("2.14.0", "tensorflow is 2.14.0"), (None, "not on")])
def test_a_package_outside_its_range_is_named_with_what_to_do(
    tmp_path: Path, found: str | None, words: str
) -> None:
    versions = LOWEST | {"tensorflow": found}
    path = write(tmp_path / "colab.txt", {k: v for k, v in versions.items() if v})
    done = check_colab(path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert words in line
    assert "tensorflow" not in done.stdout


@pytest.mark.parametrize("content", [None, "", "# nothing\n"])
def test_a_list_that_is_none_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "colab.txt"
    if content is not None:
        path.write_text(content)
    done = check_colab(path)
    assert done.returncode == 2
    assert str(path) in done.stderr
    assert "Traceback" not in done.stderr
