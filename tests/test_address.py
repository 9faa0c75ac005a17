"""The public address is set in one place, and one command writes another one everywhere."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REPOSITORY = PROJECT["urls"]["Repository"]
SITE = PROJECT["urls"]["Documentation"]
HOST, *SLUG = REPOSITORY.removeprefix("https://").split("/")
HERE = ("/".join(SLUG), "--host", HOST, "--site", SITE)
LOOK_ALIKES = """
https://github.com/{slug}-extras https://gist.github.com/{slug} https://example.org/{slug}
pip install mnist-course, {name}.github.io/{name}, https://github.com/numpy/numpy
"""

pytestmark = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs a clone with git")


def set_address(course: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, course / "scripts" / "set_address.py", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
    )


def read_all(course: Path) -> dict[str, bytes]:
    """Read every file but git's own."""
    return {
        path.relative_to(course).as_posix(): path.read_bytes()
        for path in course.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(course).parts
    }


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A clone of the text files that are tracked, and some that only look like addresses."""
    git = ["git", "-c", "safe.directory=*", "-C"]
    listed = subprocess.run([*git, ROOT, "ls-files", "-z"], capture_output=True, check=True).stdout
    course = tmp_path / "course"
    # This file names other addresses.
    for name in {*filter(None, listed.decode().split("\0"))} - {"tests/test_address.py"}:
        if (ROOT / name).is_file() and Path(name).suffix not in {".png", ".npz"}:
            (course / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, course / name)
    slug = "/".join(SLUG)
    (course / "look_alikes.md").write_text(LOOK_ALIKES.format(slug=slug, name=SLUG[1]))
    subprocess.run([*git, course, "init", "--quiet"], check=True)
    subprocess.run([*git, course, "add", "--all"], check=True, capture_output=True)
    return course


def test_no_file_of_the_course_has_another_address() -> None:
    checked = set_address(ROOT, "--check")
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ("Uni-Example/nn.course",),
        ("uni/course", "--host", "git.uni.example", "--site", "https://uni.example/nn/"),
        ("mirror/mnist-course", "--site", "https://nn.example"),
    ],
    ids=["fork", "university", "mirror"],
)
def test_another_address_is_written_everywhere_and_back(
    copy: Path, arguments: tuple[str, ...]
) -> None:
    before = read_all(copy)
    executable = os.access(copy / ".binder/postBuild", os.X_OK)
    done = set_address(copy, *arguments)
    assert done.returncode == 0, done.stderr
    after = read_all(copy)
    changed = {name for name in before if before[name] != after[name]}
    assert after.keys() == before.keys()
    assert len(changed) > 40
    assert "look_alikes.md" not in changed
    written = [line.removeprefix("Wrote ") for line in done.stdout.splitlines() if "Wrote" in line]
    assert set(written) == changed
    assert written[-1] == "pyproject.toml"
    for name in before.keys() - {"look_alikes.md"}:
        for old in ("/".join(SLUG), SITE.rstrip("/")):
            assert old.encode() not in after[name], name
        if name.endswith(".ipynb"):
            lines = before[name].splitlines(), after[name].splitlines()
            json.loads(after[name])
            assert len(lines[0]) == len(lines[1])
            others = [a for a, b in zip(*lines, strict=True) if a != b]
            assert all(HOST.encode() in line or SITE.encode() in line for line in others)
            assert b"mnist-course @ git+https://" in after[name] or not others
    assert os.access(copy / ".binder/postBuild", os.X_OK) == executable

    assert set_address(copy, "--check").returncode == 0
    again = set_address(copy, *arguments)
    assert "Wrote" not in again.stdout
    assert read_all(copy) == after
    assert set_address(copy, *HERE).returncode == 0
    assert read_all(copy) == before


def test_every_kind_of_link_follows(copy: Path) -> None:
    page = copy / "book" / "exercise_01_loading.md"
    path = "exercises/01_loading/01_loading.ipynb"
    set_address(copy, "uni/nn")
    text = page.read_text(encoding="utf-8")
    assert f"https://colab.research.google.com/github/uni/nn/blob/main/{path})" in text
    assert "https://mybinder.org/v2/gh/uni/nn/main?labpath=" in text
    assert f"https://raw.githubusercontent.com/uni/nn/main/{path})" in text
    assert f"https://github.com/uni/nn/blob/main/{path})" in text
    assert 'BOOK = "https://uni.github.io/nn/book"' in (
        copy / "mnist_course/checks/core.py"
    ).read_text(encoding="utf-8")
    moved = set_address(copy, "uni/nn", "--host", "git.example", "--site", "https://nn.example")
    assert moved.stdout.splitlines()[-1].startswith("Colab reads github.com only")
    text = page.read_text(encoding="utf-8")
    assert "https://mybinder.org/v2/git/https%3A%2F%2Fgit.example%2Funi%2Fnn/main?labpath=" in text
    assert f"https://git.example/uni/nn/raw/main/{path})" in text


@pytest.mark.slow
def test_an_edit_by_hand_and_a_merge_are_found_and_fixed(copy: Path) -> None:
    project = copy / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    project.write_text(text.replace(REPOSITORY, "https://github.com/uni/nn"), encoding="utf-8")
    checked = set_address(copy, "--check")
    assert checked.returncode == 1
    assert "CITATION.cff has another address than pyproject.toml" in checked.stdout.splitlines()
    assert set_address(copy, "uni/nn").returncode == 0
    merged = copy / "exercises/01_loading/01_loading.ipynb"
    shutil.copy2(ROOT / "exercises/01_loading/01_loading.ipynb", merged)
    (copy / "look_alikes.md").write_text("[here](https://github.com/nui/nn/blob/main/README.md)")
    listed = [line.split()[0] for line in set_address(copy, "--check").stdout.splitlines()]
    assert listed == ["exercises/01_loading/01_loading.ipynb", "look_alikes.md"]
    assert set_address(copy, "uni/nn").returncode == 0
    assert set_address(copy, "--check").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("course",), "'course' is not a repository: expected OWNER/NAME."),
        (("a/b/c",), "'a/b/c' is not a repository: expected OWNER/NAME."),
        (("https://github.com/a/b",), "is not a repository: expected OWNER/NAME."),
        (("a/b c",), "is not a repository: expected OWNER/NAME."),
        (("a/b", "--host", "git lab"), "'git lab' is not a host"),
        (("a/b", "--host", "git.example"), "give yours with --site URL."),
        (("a/b", "--site", "nn.example"), "'nn.example' is not the address of a site"),
        (("a/b", "--site", "https://github.com/a/b"), "give the book an address of its own."),
    ],
)
def test_a_malformed_address_is_refused_in_one_sentence(
    arguments: tuple[str, ...], sentence: str
) -> None:
    refused = set_address(ROOT, *arguments)
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert sentence in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
