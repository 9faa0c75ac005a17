"""Commands for instructors: release exercises, grade submissions, and report grades."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_course._text import counted

from .options import (
    AssignmentArgument,
    CourseOption,
    JsonOption,
    StudentOption,
    err,
    out,
    print_json,
)
from .tables import (
    changes_table,
    cohort_lines,
    cohort_table,
    collected_table,
    counts_table,
    duration,
    grades_table,
    roster_lines,
)

MOST_CHANGES = 20  # that are printed after a run; the files have all

if TYPE_CHECKING:
    from mnist_course.grading.batch.coordinator import Graded
    from mnist_course.grading.course.settings import Course


def roster(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="A CSV file to make the course's roster.csv; by default, what is there.",
            metavar="FILE",
        ),
    ] = None,
    course: CourseOption = Path(),
) -> None:
    """Check the list of your students, and enter it in the gradebook."""
    from mnist_course.grading.course.roster import PREVIOUS, ROSTER, install_roster, require_roster
    from mnist_course.grading.course.settings import read_course
    from mnist_course.grading.gradebook.people import enter_people

    settings = read_course(course)
    if file:
        replaced = install_roster(settings.root, file)
        before = f"; the one before is now {course / PREVIOUS}" if replaced else ""
        err.print(f"Wrote {course / ROSTER}{before}")
    people = require_roster(settings.root)
    with err.status("Entering them in the gradebook ..."):
        entered = enter_people(settings, people)
    err.print(
        f"Wrote to the gradebook: {counted(len(people), 'student')} on the roster, "
        f"{len(entered.new):,} new and {len(entered.changed):,} changed."
    )
    for line in roster_lines(entered):
        err.print(line)


def release(
    assignment: Annotated[
        str | None,
        typer.Argument(help="Such as 02_normalizing; by default, all.", metavar="ASSIGNMENT"),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; report what is wrong with the assignments."),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Don't ask before cells of a graded assignment change.")
    ] = False,
    course: CourseOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """Generate the exercises from the source notebooks."""
    from mnist_course.grading.batch.journal import LOCK, only_run
    from mnist_course.grading.course.release import changes_to_grades
    from mnist_course.grading.course.release import release as release_assignments
    from mnist_course.grading.course.settings import read_course

    settings = read_course(course)
    if check:
        _check_assignments(settings, assignment, as_json)
        return
    if found := changes_to_grades(settings, assignment):
        for changes in found:
            err.print("\n".join(changes.describe()))
        if not yes and not typer.confirm("Release it?", err=True):
            err.print("Nothing was changed.")
            raise typer.Exit(1)
    with only_run(settings.journal / LOCK), err.status("Generating exercises ..."):
        written = release_assignments(settings, assignment)
    files = [course / settings.relative(file) for file in written]
    for file in files:
        err.print(f"Wrote {file}")
    if as_json:
        print_json({"files": [str(file) for file in files]})


def _report_outdated(course: "Course", assignment: str) -> None:
    from mnist_course.grading.gradebook.outdated import outdated_pages

    if pages := len(outdated_pages(course, assignment)):
        err.print(
            f"{counted(pages, 'page')} of feedback on {assignment} "
            f"{'is' if pages == 1 else 'are'} out of date: run 'mnist-course feedback "
            f"{assignment}'."
        )


def _check_assignments(course: "Course", assignment: str | None, as_json: bool) -> None:
    from mnist_course.grading.course.release_check import check as check_assignments

    def report(name: str, number: int, total: int) -> None:
        err.print(f"{number}/{total}: checking {name} and running its solutions")

    problems = check_assignments(course, assignment, report=report)
    if as_json:
        print_json({"problems": [asdict(problem) for problem in problems]})
    else:
        for problem in problems:
            place = ", ".join(filter(None, [problem.file, problem.cell]))
            out.print(": ".join(filter(None, [place, problem.message])))
        if not problems:
            out.print("All is well.")
    if problems:
        raise typer.Exit(1)


def collect(
    assignment: AssignmentArgument,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Archives from Moodle or Canvas, Moodle's grading worksheet, or folders with a "
            "folder, archive, or notebook per student. Without any, see who is in.",
            metavar="FILE...",
        ),
    ] = None,
    course: CourseOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """Collect what a learning platform packed, and see whose work is missing."""
    from mnist_course.grading.course.settings import read_course
    from mnist_course.grading.submissions.collect_class import DOWNLOADED
    from mnist_course.grading.submissions.collect_class import collect as collect_files

    settings = read_course(course)
    with err.status("Collecting ..."):
        collected = collect_files(settings, assignment, files or [])
    if collected.written:
        written = counted(len(collected.written), "file")
        err.print(f"Wrote {written} to {settings.submitted} and {settings.root / DOWNLOADED}")
    for line in [*collected.notices, *collected.problems]:
        err.print(line)
    if as_json:
        print_json(collected.to_dict())
    else:
        out.print(collected_table(collected.rows))
        out.print(collected.summary)
    if collected.problems:
        count = len(collected.problems)
        lines = "1 line above says" if count == 1 else f"{count:,} lines above say"
        err.print(f"Not everything was collected: {lines} what to do.")
        raise typer.Exit(1)


def grade(
    assignment: AssignmentArgument,
    student: StudentOption = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes here; by default, one for each core.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="Use the workers of this Dask scheduler, such as tcp://10.0.0.1:8786.",
            metavar="ADDRESS",
        ),
    ] = None,
    regrade: Annotated[
        bool, typer.Option("--regrade", help="Also grade again what has not changed.")
    ] = False,
    course: CourseOption = Path(),
    unsafe_no_sandbox: Annotated[
        bool,
        typer.Option(
            "--unsafe-no-sandbox",
            help="Run learners' code with your own rights: it can read and delete your files.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Grade the submissions of an assignment; a stopped run continues."""
    from mnist_course.grading.batch.coordinator import grade as grade_submissions
    from mnist_course.grading.batch.coordinator import to_document
    from mnist_course.grading.course.settings import read_course
    from mnist_course.grading.gradebook.changes import report_changes
    from mnist_course.grading.gradebook.records import is_adjusted

    settings = read_course(course)
    if unsafe_no_sandbox:
        err.print("Without a sandbox, learners' code can read and change everything that you can.")
    start = time.monotonic()
    with _grading_progress() as report:
        done = grade_submissions(
            settings,
            assignment,
            students=student,
            workers=workers,
            scheduler=scheduler,
            regrade=regrade,
            confined=not unsafe_no_sandbox,
            report=report,
        )
    seconds = time.monotonic() - start
    err.print(f"Wrote to {settings.autograded}, the gradebook, and {settings.journal}")
    unrecorded = [graded for graded in done if graded.problem]
    changes, files = ([], []) if unrecorded else report_changes(settings, assignment)
    if files:
        err.print(f"Wrote {files[0]} and {files[1].name}")
    if as_json:
        document = to_document(assignment, seconds, done)
        print_json({**document, "changes": [asdict(change) for change in changes]})
    else:
        out.print(grades_table(done))
        out.print(f"{counted(len(done), 'submission')} in {duration(seconds)}")
        if changes:
            students = len({change.student for change in changes})
            out.print(f"The points of {counted(students, 'student')} changed:")
            out.print(changes_table(changes[:MOST_CHANGES]))
            if (more := len(changes) - MOST_CHANGES) > 0:
                out.print(f"and {counted(more, 'more change')}: see {files[0].name}")
        if not unrecorded and is_adjusted(settings, assignment):
            out.print("Late penalties and extra credit are not in here: see 'mnist-course grades'.")
    if unrecorded:
        missing = counted(len(unrecorded), "submission")
        err.print(f"The gradebook is missing {missing}: fix the cause, then run this again.")
        raise typer.Exit(1)
    _report_outdated(settings, assignment)


def changes(
    assignment: AssignmentArgument,
    student: StudentOption = None,
    course: CourseOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """Show how points have changed since they were first given, and why."""
    from mnist_course.grading.course.settings import read_course
    from mnist_course.grading.gradebook.changes import read_changes, report_changes

    settings = read_course(course)
    _, files = report_changes(settings, assignment)
    if files:
        err.print(f"Wrote {files[0]} and {files[1].name}")
    found = read_changes(settings, assignment, student)
    if as_json:
        print_json({"assignment": assignment, "changes": [asdict(change) for change in found]})
    elif found:
        out.print(changes_table(found))
    else:
        out.print("No points have changed since they were first given.")


def feedback(
    assignment: AssignmentArgument,
    student: StudentOption = None,
    archive: Annotated[
        str | None,
        typer.Option(
            metavar="moodle|folders",
            help="Also pack all pages: for Moodle to take, or in a folder per student.",
        ),
    ] = None,
    course: CourseOption = Path(),
) -> None:
    """Generate each page of feedback that is missing or out of date."""
    from mnist_course.grading.course.settings import read_course
    from mnist_course.grading.gradebook.feedback import generate_feedback

    with err.status("Generating feedback ...") as status:

        def report(done: int, total: int) -> None:
            status.update(f"Generating feedback: {done:,} of {counted(total, 'page')} ...")

        files = generate_feedback(read_course(course), assignment, student or (), report=report)
    if files:
        first = "" if len(files) == 1 else ", the first one"
        err.print(f"Wrote {counted(len(files), 'page')}{first}: {files[0]}")
    else:
        err.print("Every page is up to date: none was written.")
    if archive:
        _pack_feedback(read_course(course), assignment, archive)


def _pack_feedback(course: "Course", assignment: str, layout: str) -> None:
    from mnist_course.grading.gradebook.give_back import pack_feedback

    packed = pack_feedback(course, assignment, layout)
    err.print(f"Wrote {counted(packed.pages, 'page')} into {packed.file}")
    if packed.left_out:
        err.print(
            f"Not in there, as their work did not come from Moodle: {', '.join(packed.left_out)}. "
            f"Their pages are in {course.feedback}."
        )


def grades(
    format_name: Annotated[
        str, typer.Option("--format", metavar="csv|canvas|moodle", help="What to write.")
    ] = "csv",
    assignment: Annotated[
        str | None, typer.Option(help="Only this one; by default, all.", metavar="ASSIGNMENT")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="File to write to; by default, stdout.")
    ] = None,
    course: CourseOption = Path(),
) -> None:
    """Export everyone's grades for a spreadsheet, Canvas, or Moodle."""
    from mnist_course._files import atomic
    from mnist_course.grading.course.settings import read_course
    from mnist_course.grading.gradebook.exports import export_grades
    from mnist_course.grading.gradebook.outdated import assignments_with_pages

    settings = read_course(course)
    text, warnings = export_grades(settings, format_name, assignment)
    if output:
        with atomic(output) as unfinished:
            unfinished.write_text(text, encoding="utf-8", newline="")
        err.print(f"Wrote {output}")
    else:
        sys.stdout.buffer.write(text.encode())  # with CR LF on every system
        sys.stdout.buffer.flush()
    for warning in warnings:
        err.print(warning)
    for name in [assignment] if assignment else assignments_with_pages(settings):
        _report_outdated(settings, name)


def cohort(
    assignment: AssignmentArgument,
    output: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("runs/cohort"),
    course: CourseOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """Summarize how the class did in an assignment, task by task."""
    from mnist_course.grading.course.settings import read_course
    from mnist_course.grading.gradebook.cohort import read_cohort, write_cohort

    summary = read_cohort(read_course(course), assignment)
    files = write_cohort(summary, output)
    err.print(f"Wrote to {output}: {', '.join(file.name for file in files)}")
    if as_json:
        print_json(summary.to_dict())
        return
    out.print(f"{summary.assignment}: {counted(summary.students, 'graded submission')}")
    if summary.rejected:
        rejected = counted(summary.rejected, "submission")
        out.print(f"Rejected, and counted in no task: {rejected}")
    out.print(cohort_table(summary))
    for line in cohort_lines(summary):
        out.print(line)


def move_gradebook(
    url: Annotated[
        str,
        typer.Argument(
            help="Where to, such as postgresql+psycopg://grader@127.0.0.1/gradebook.",
            metavar="URL",
        ),
    ],
    course: CourseOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """Copy the gradebook into an empty database, with due dates and points by hand."""
    from mnist_course.grading.batch.journal import LOCK, only_run
    from mnist_course.grading.course.settings import read_course
    from mnist_course.grading.gradebook.move import move_gradebook as move

    settings = read_course(course)
    with only_run(settings.journal / LOCK), err.status("Copying the gradebook ..."):
        moved = move(settings, url)
    err.print(f"Wrote to {moved.target}, and left {moved.source} as it is.")
    if as_json:
        print_json(asdict(moved))
    else:
        out.print(counts_table(moved.counts))
        out.print(
            "To use it, set c.CourseDirectory.db_url in nbgrader_config.py to that URL, and start "
            "JupyterLab again: until then, the formgrader writes to the old one."
        )


@contextmanager
def _grading_progress() -> "Iterator[Callable[[Graded, int, int], None]]":
    """Show a bar, and at once which submissions did not end well; the table has the reasons."""
    from rich.progress import MofNCompleteColumn, Progress

    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    told: set[str] = set()
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        bar = progress.add_task("Starting workers", total=None)

        def report(graded: "Graded", done: int, total: int) -> None:
            progress.update(bar, description="Grading", completed=done, total=total)
            if graded.failed:
                # What is in the way of one submission is often in the way of all.
                problem = "" if graded.problem in told else graded.problem
                told.add(graded.problem)
                err.print(f"{graded.name}: {graded.outcome}. {problem}".rstrip(". ") + ".")

        yield report
