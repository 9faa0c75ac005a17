"""The guide's table of attackers names tests that are there, and the sandbox stays reviewable."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "book" / "privacy_and_security.md"
SANDBOX = ROOT / "mnist_course" / "grading" / "sandbox"
PROMISED_LINES = 1_000


def rows() -> list[list[str]]:
    """Return the cells of each row of the table, in the order of its columns."""
    table = GUIDE.read_text(encoding="utf-8").split("| attacker |")[1].split("\n\n")[0]
    lines = table.splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_each_attacker_has_a_promise_a_limit_and_tests_that_exist() -> None:
    assert len(rows()) >= 6
    for attacker, promised, not_promised, tested in rows():
        assert promised, attacker
        assert not_promised, attacker
        files = re.findall(r"`(tests/[^`]+\.py)`", tested)
        assert files or promised.startswith("nothing"), attacker
        for file in files:
            assert "def test_" in (ROOT / file).read_text(encoding="utf-8")


def test_each_module_of_attacks_on_this_grader_is_in_the_table() -> None:
    named = set(re.findall(r"attacks/(test_\w+\.py)", str(rows())))
    here = {path.name for path in Path(__file__).parent.glob("test_*.py")}
    # Stock nbgrader is attacked in one, for comparison.
    assert here - named == {Path(__file__).name, "test_stock.py"}


def test_the_sandbox_is_as_short_as_the_guide_says() -> None:
    lines = sum(len(path.read_text("utf-8").splitlines()) for path in SANDBOX.rglob("*.py"))
    assert lines < PROMISED_LINES
    assert f"fewer than {PROMISED_LINES:,} lines" in GUIDE.read_text(encoding="utf-8")
