"""What the commands print for people: tables, and lines made of several values."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rich.table import Table

from mnist_course._text import counted
from mnist_course._untrusted import LONGEST_LINE, printable

MOST_SENTENCES = 5  # of feedback, for each task; feedback.csv has all

if TYPE_CHECKING:
    from mnist_course.doctor import Check
    from mnist_course.grading.batch.coordinator import Graded
    from mnist_course.grading.gradebook.changes import Change
    from mnist_course.grading.gradebook.cohort import Cohort
    from mnist_course.grading.gradebook.people import Entered
    from mnist_course.grading.submissions.collect_class import Row
    from mnist_course.grading.submissions.inspect import Finding


def checks_table(checks: "list[Check]") -> Table:
    """Show what the doctor found, and how to fix what is missing."""
    table = _table("", "what", "found", "to fix it, run")
    for check in checks:
        mark = "ok" if check.ok else "MISSING" if check.required else "optional"
        table.add_row(mark, check.name, check.found, check.mend)
    return table


def data_line(data: dict[str, Any]) -> str:
    """Show where the data comes from, and its sizes."""
    sizes = f"{data['train_images']:,} training and {counted(data['test_images'], 'test image')}"
    return f"{data['source']} ({sizes})"


def looked_table(looked: list[dict[str, str]]) -> Table:
    """Show where the data was looked for."""
    table = _table("looked for in", "outcome")
    for place in looked:
        table.add_row(place["place"], place["outcome"])
    return table


def evaluation_table(report: dict[str, Any]) -> Table:
    """Show how accurate a network is, and on which data."""
    low, high = report["interval"]
    first, second = report["halves"]
    table = _table()
    table.add_row("test accuracy", f"{report['test_accuracy']:.2%}")
    table.add_row("95% interval", f"{low:.2%} to {high:.2%}")
    table.add_row("first and second half", f"{first:.2%} and {second:.2%}")
    table.add_row("mistakes", f"{report['mistakes']:,} of {report['data']['test_images']:,}")
    table.add_row("data", data_line(report["data"]))
    return table


def training_table(report: dict[str, Any]) -> Table:
    """Show how accurate a network is, and how it was trained."""
    minutes, seconds = divmod(round(report["fit_seconds"]), 60)
    table = evaluation_table(report)
    epochs = counted(report["epochs"], "epoch")
    table.add_row("recipe", f"{report['recipe']}, {epochs}, seed {report['seed']}")
    table.add_row("training time", f"{minutes} min {seconds:02d} s")
    return table


def robustness_table(report: dict[str, Any]) -> Table:
    """Show the accuracy for each corruption, at strengths from 1 to 5."""
    table = _table(f"accuracy, {report['style']}", *map(str, range(1, 6)))
    for name, accuracies in report["accuracies"].items():
        table.add_row(name, *(f"{accuracy:.1%}" for accuracy in accuracies))
    table.add_row("mean", f"{report['mean']:.1%}")
    return table


def study_line(summary: dict[str, Any]) -> str:
    """Show the spread of the accuracies of a study."""
    return (
        f"{summary['recipe']}: mean {summary['mean']:.2%}, standard deviation "
        f"{summary['standard_deviation']:.2%}, from {summary['lowest']:.2%} to "
        f"{summary['highest']:.2%} over {counted(summary['seeds'], 'seed')}"
    )


def gates_table(gates: list[dict[str, float]]) -> Table:
    """Show how likely a network misses each gate."""
    table = _table(
        "gate", "seeds that pass", "chance to miss (normal)", "chance to miss (binomial)"
    )
    for gate in gates:
        table.add_row(
            f"{gate['gate']:.1%}",
            f"{gate['pass_rate']:.0%}",
            f"{gate['normal_chance_below']:.2g}",
            f"{gate['binomial_chance_below']:.2g}",
        )
    return table


def findings_table(findings: "list[Finding]") -> Table:
    """Show what is wrong with a notebook, and what it costs."""
    table = _table("cell", "costs", "what to do")
    for finding in findings:
        table.add_row(finding.cell, f"{finding.costs:g}", finding.problem)
    return table


def roster_lines(entered: "Entered") -> Iterator[str]:
    """Show what else there is to know, or to do, after a roster was entered."""
    if entered.unlisted:
        yield (
            f"In the gradebook, but not on the roster: {', '.join(entered.unlisted)}. They stay; "
            "'nbgrader db student remove ID --force' removes one with all grades."
        )
    for student, assignment in entered.extended:
        yield f"{student} has another due date for {assignment} now."
    for assignment in sorted({assignment for _, assignment in entered.extended}):
        yield f"Run 'mnist-course grade {assignment} --regrade': late penalties may be others now."


def collected_table(rows: "list[Row]") -> Table:
    """Show whose work is there, and whose is not."""
    table = _table("student", "name", "status", "from")
    for row in rows:
        table.add_row(row.student, row.name, row.status, row.source)
    return table


def grades_table(done: "list[Graded]") -> Table:
    """Show what became of each submission."""
    table = _table("student", "status", "points", "")
    for graded in done:
        table.add_row(graded.name, graded.outcome, graded.points, graded.reason)
    return table


def changes_table(changes: "Sequence[Change]") -> Table:
    """Show whose points changed, cell by cell, and what changed with them."""
    table = _table("date", "student", "cell", "points", "why")
    for change in changes:
        old, new = ("none" if value is None else f"{value:g}" for value in (change.old, change.new))
        table.add_row(change.date[:10], change.student, change.cell, f"{old} → {new}", change.why)
    return table


def counts_table(counts: dict[str, int]) -> Table:
    """Show how many there are of each kind."""
    table = _table()
    for what, number in counts.items():
        table.add_row(f"{number:,}", what)
    return table


def cohort_table(cohort: "Cohort") -> Table:
    """Show how many students solved each task."""
    table = _table("task", "solved", "partly", "not solved", "not attempted", "share solved")
    for task in cohort.tasks:
        counts = (task.solved, task.partly, task.not_solved, task.not_attempted)
        shown = (f"{count:,}" for count in counts)
        table.add_row(f"{task.number} {task.title}", *shown, f"{task.share:.0%}")
    return table


def cohort_lines(cohort: "Cohort") -> Iterator[str]:
    """Show what to teach again, the most frequent feedback, and how many reflections are graded."""
    for task in cohort.to_reteach:
        yield ""
        missed = f"{task.missed:,} of {counted(task.students, 'student')} missed points"
        taught = "; ".join(chapter.title for chapter in task.chapters)
        yield f"Task {task.number}: {missed}." + (f" To take up again: {taught}" if taught else "")
        for heard in task.feedback[:MOST_SENTENCES]:
            yield f"{heard.students:>5,}  {heard.sentence}"
        if (more := len(task.feedback) - MOST_SENTENCES) > 0:
            yield f"       and {counted(more, 'other sentence')}: see feedback.csv"
    yield ""
    for reflection in cohort.reflections:
        yield (
            f"Reflection {reflection.title}: {reflection.graded:,} graded, "
            f"{reflection.waiting:,} waiting for a person"
        )


def network_table(measured: dict[str, Any]) -> Table:
    """Show how good a network is after its weights became 8-bit integers."""
    images = counted(measured["images"], "test image")
    table = _table()
    table.add_row("accuracy", f"{measured['accuracy']:.2%} as trained")
    table.add_row("", f"{measured['accuracy_int8']:.2%} as written")
    table.add_row("same answer", f"{measured['agreement']:.2%} of {images}")
    table.add_row("sure", f"from a probability of {measured['sure_above']:.3f}")
    table.add_row("looks like a digit", f"from a likeness of {measured['digit_above']:.2f}")
    table.add_row("", f"{measured['digits_passing']:.1%} of the test digits do")
    table.add_row("", f"{1 - measured['others_caught']:.1%} of letters, scribbles, and frames do")
    return table


def duration(seconds: float) -> str:
    """Show a duration, to the second."""
    return str(timedelta(seconds=round(seconds)))


def _table(*headers: str) -> Table:
    return _Table(*headers, show_header=bool(headers), box=None, pad_edge=False)


class _Table(Table):
    """A table in which each text is one line, whoever wrote it."""

    def add_row(self, *cells: Any, **options: Any) -> None:
        """Add a row."""
        super().add_row(*(printable(cell, LONGEST_LINE) for cell in cells), **options)
