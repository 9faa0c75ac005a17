"""Turn graded notebooks into pages for learners, on which nothing of theirs can act.

A page holds what a learner wrote, and is opened in browsers in which people are logged in. So
Markdown is cleaned after it has become HTML, outputs are text and pictures, and the page forbids
its browser to run scripts or to load anything. The same parts go into ``nbgrader_config.py``, which
makes nbgrader's own `generate_feedback` and formgrader safe.
"""

import html
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from bleach.sanitizer import Cleaner
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from nbgrader.api import Assignment, SubmittedAssignment
from traitlets import Bool, Dict
from traitlets.config import Config

from mnist_course._files import atomic
from mnist_course._text import counted
from mnist_course._untrusted import printable, sentence_to_html, visible
from mnist_course.errors import CourseError
from mnist_course.grading.course.assignment import nbgrader_metadata
from mnist_course.grading.course.process import run_nbgrader
from mnist_course.grading.course.settings import Course, Grading
from mnist_course.grading.inside.outputs import read_outputs
from mnist_course.grading.submissions.pictures import is_picture, show_pictures, take_pictures
from mnist_course.grading.submissions.read import read_secret, read_timestamp

from .formulas import Formulas
from .outdated import is_current, mark, page_digests
from .page import read_page
from .records import note_by_hand, open_gradebook, write_notes

BATCH = 50  # students for each process of nbgrader, which takes seconds to start
SECONDS_TO_START = 60
SECONDS_PER_PAGE = 10
LARGEST_OUTPUTS = 2**22  # characters, for each cell
LONGEST_TEXT = 20_000  # characters of Markdown
MOST_NAMES = 5
STUDENT = "student.txt"
TEMPLATES = Path(__file__).with_name("templates")
BELOW = 3  # a heading of the first level in a cell stands below three of the page

# Nothing is loaded, nothing runs: https://www.w3.org/TR/CSP3/
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)

_GRADE_ID = re.compile(r"[\w-]+")
_LINK = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif);base64,[A-Za-z0-9+/=\s]*")
_WITHIN_TEXT = re.compile(r"data:image/(?:png|jpeg|gif);base64,[A-Za-z0-9+/=]+")
_ATTACHED = re.compile(r"attachment:(?=\S)")
_MARK = "SetAsidePicture"
_SET_ASIDE = re.compile(rf"data:image/png;base64,{_MARK}(\d{{6}})=")
_HIGHLIGHTED = re.compile(r"highlight(?: hl-\w+)?|[a-z]{1,2}[a-z0-9]?")  # as Pygments names them
_TAGS = """
    a b blockquote br code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img kbd li ol p
    pre s span strong sub summary sup table tbody td th thead tr ul
"""
_PROTOCOLS = {"http", "https", "mailto", "data"}  # and what `_allowed` leaves of them


def generate_feedback(
    course: Course,
    assignment: str,
    students: Sequence[str] = (),
    *,
    report: Callable[[int, int], None] = lambda *_: None,
) -> list[Path]:
    """Let nbgrader generate each page of feedback that is missing or out of date.

    Parameters
    ----------
    course : Course
        The course.
    assignment : str
        The name of a graded assignment.
    students : sequence of str, optional
        Whose pages; by default, of everybody whose submission is graded.
    report : callable, optional
        Called with the number of pages done and the number of all pages.

    Returns
    -------
    list of pathlib.Path
        The pages written: those that are missing, or were made from something else than what is
        there now. An old page stays until the new one is complete.

    Raises
    ------
    CourseError
        If the assignment, or a student in it, is not graded, or a page cannot be generated. The
        other pages are there all the same.
    """
    chosen = _graded(course, assignment, students)
    note_by_hand(course, assignment)
    digests = page_digests(course, assignment)
    chosen = [who for who in chosen if not is_current(course, assignment, who, digests.get(who))]
    written: list[Path] = []
    failed: dict[str, str] = {}
    for start in range(0, len(chosen), BATCH):
        pages, reasons = _generate(course, assignment, chosen[start : start + BATCH], digests)
        written += pages
        failed |= reasons
        report(len(written) + len(failed), len(chosen))
    if failed:
        reason = next(iter(failed.values()))
        raise CourseError(
            f"{len(failed)} of {counted(len(chosen), 'page')} of feedback on {assignment} could "
            f"not be generated, of {_names(list(failed))} ({reason}): run 'mnist-course grade "
            f"{assignment}', then this again."
        )
    return written


class FeedbackExporter(HTMLExporter):
    """A page of feedback for a learner, harmless: see the template in ``templates/page``."""

    sanitize_html = Bool(True).tag(config=True)
    filters = Dict(
        {
            "markdown2html": "mnist_course.grading.nbgrader.markdown_to_html",
            "clean_html": "mnist_course.grading.nbgrader.clean",
        }
    ).tag(config=True, affects_environment=True)

    def default_filters(self) -> Iterator[tuple[str, Callable[..., str]]]:
        """Yield the filters that the template can use, whatever the configuration says."""
        yield from super().default_filters()  # type: ignore[no-untyped-call]
        yield "sentence", sentence_to_html

    @property
    def default_config(self) -> Config:
        """What it does whatever ``c.HTMLExporter`` says; ``c.FeedbackExporter`` can change it."""
        own = {
            "template_name": "page",
            "extra_template_basedirs": [str(TEMPLATES)],
            "preprocessors": [
                "mnist_course.grading.nbgrader.HarmlessCells",
                "mnist_course.grading.nbgrader.LearnerPage",
            ],
        }
        config = Config({"FeedbackExporter": own})
        config.merge(super().default_config)
        return config


class LearnerPage(Preprocessor):
    """Gives the template what the gradebook holds about a submission: see `page.Page`."""

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Collect it."""
        converter = cast(Any, self.parent).parent  # nbgrader's GenerateFeedback
        coursedir, config = converter.coursedir, converter.config
        course = Course(Path(coursedir.root), coursedir, config, Grading(config=config))
        name, student = (resources["nbgrader"][key] for key in ("assignment", "student"))
        resources["page"] = read_page(course, name, student, nb)
        resources["policy"] = POLICY
        return nb, resources


class StagedExporter(FeedbackExporter):
    """The exporter of `generate_feedback`, for whom a file beside each notebook names its student.

    nbgrader takes the name of a student's folder for a pattern, so ``g*`` would not find its own.
    """

    def from_filename(
        self, filename: str, resources: dict[str, Any] | None = None, **kwargs: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Convert a notebook."""
        student = Path(filename).with_name(STUDENT).read_text(encoding="utf-8")
        named = {**(resources or {}).get("nbgrader", {}), "student": student}
        return super().from_filename(filename, {**(resources or {}), "nbgrader": named}, **kwargs)


class HarmlessCells(Preprocessor):
    """Keep of each cell its source, its outputs that are text or PNG, and nbgrader's metadata.

    Templates copy other parts into the page as they are, such as the width of a picture.
    """

    def preprocess_cell(
        self,
        cell: NotebookNode,
        resources: Any,
        cell_index: int,  # noqa: ARG002 (nbconvert's)
    ) -> tuple[NotebookNode, Any]:
        """Clean a cell."""
        metadata = nbgrader_metadata(cell)
        known = _GRADE_ID.fullmatch(str(metadata.get("grade_id", "")))
        cell.metadata = NotebookNode({"nbgrader": metadata} if known else {})
        pictures = take_pictures(cell.pop("attachments", None))
        cell.source = visible(cell.source)
        if cell.cell_type == "markdown":
            cell.source = show_pictures(cell.source, pictures)
        if cell.cell_type == "code":
            plain = json.loads(json.dumps(cell.outputs))  # not a subclass of dict with attributes
            cell.outputs = read_outputs(plain, LARGEST_OUTPUTS)
            number = cell.get("execution_count")
            cell.execution_count = number if isinstance(number, int) else None
        return cell, resources


def markdown_to_html(source: str, below: int = 0) -> str:
    """Render Markdown, of a learner or in a comment, as harmless HTML.

    Parameters
    ----------
    source : str
        Markdown, with whatever HTML in it.
    below : int, default 0
        How many levels its headings stand below those that the page has of its own.

    Returns
    -------
    str
        HTML; see `clean`. Formulas are MathML.
    """
    pictures: list[str] = []

    def set_aside(match: re.Match[str]) -> str:
        if not is_picture(match[0]):
            return "#"
        pictures.append(match[0])
        return f"data:image/png;base64,{_MARK}{len(pictures) - 1:06}="

    # They are far longer than any text, and nothing in them is to be rendered.
    text = _WITHIN_TEXT.sub(set_aside, source)
    if len(text) > LONGEST_TEXT:
        return f"<p>(A text of {len(text):,} characters, too long to show.)</p>"
    renderer = _Renderer(below)
    # An attachment that isn't there would end the page.
    page = MarkdownWithMath(renderer=renderer).render(_ATTACHED.sub("#", text))
    left = dict(enumerate(pictures))  # each is shown once, however often a text refers to it
    return _SET_ASIDE.sub(
        lambda match: left.pop(int(match[1]), "#"), _clean(page, renderer.formulas)
    )


class _Renderer(IPythonRenderer):
    """Writes formulas as MathML, and headings below others."""

    def __init__(self, below: int) -> None:
        # Headings get no links to themselves: what they lead to is not kept.
        super().__init__(escape=False, exclude_anchor_links=True)
        self.below = below
        self.formulas = Formulas()

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        """Write a heading."""
        return super().heading(text, min(6, level + self.below), **attrs)

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """Write a picture."""
        return super().image(self.formulas.as_typed(text), url, title)

    def inline_math(self, body: str) -> str:
        """Write a formula in a line."""
        return self._formula(body, f"${body}$", block=False)

    def block_math(self, body: str) -> str:
        """Write a formula on a line of its own."""
        return self._formula(body, f"$${body}$$", block=True)

    def latex_environment(self, name: str, body: str) -> str:
        """Write an environment, such as ``align``."""
        tex = f"\\begin{{{name}}}{body}\\end{{{name}}}"
        return self._formula(tex, tex, block=True)

    def _formula(self, tex: str, source: str, *, block: bool) -> str:
        return self.formulas.add(tex, source, block=block) or self.escape_html(source)


def clean(markup: str | bytes) -> str:
    """Keep of HTML what formats a text; show the rest as it was typed.

    Parameters
    ----------
    markup : str or bytes
        HTML of an untrusted user.

    Returns
    -------
    str
        HTML without scripts, frames, forms, styles, ids, and pictures or links that act. Links
        lead to web and mail addresses; pictures are within the page.
    """
    text = markup.decode(errors="replace") if isinstance(markup, bytes) else str(markup)
    return _clean(text, Formulas())


def _clean(text: str, formulas: Formulas) -> str:
    cleaner = Cleaner(
        tags=set(_TAGS.split()),
        attributes=_allowed,
        protocols=_PROTOCOLS,
        filters=[formulas.filter],
    )
    try:
        return str(cleaner.clean(text))
    except RecursionError:
        return f"<pre>{html.escape(formulas.as_typed(text))}</pre>"


def _allowed(tag: str, name: str, value: str) -> bool:
    match tag, name:
        case "a", "href":
            return _LINK.match(value) is not None
        case "img", "src":
            return _PICTURE.fullmatch(value) is not None and (
                _SET_ASIDE.fullmatch(value) is not None or is_picture(value)
            )
        case (("div" | "span"), "class"):
            return _HIGHLIGHTED.fullmatch(value) is not None
    return (tag, name) in {("img", "alt"), ("details", "open"), ("ol", "start")}


def _graded(course: Course, assignment: str, students: Sequence[str]) -> list[str]:
    """Return whose pages to generate, sorted."""
    with open_gradebook(course) as gradebook:
        rows = (
            gradebook.db.query(SubmittedAssignment.student_id)
            .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
            .filter(Assignment.name == assignment)
        )
        graded = {str(student) for (student,) in rows}
    if not graded:
        raise CourseError(
            f"{assignment} has no grades yet: run 'mnist-course grade {assignment}' first."
        )
    if missing := sorted(set(students) - graded):
        raise CourseError(
            f"There is no grade for {assignment} of {_names(missing)}: check the name, or run "
            f"'mnist-course grade {assignment}' first."
        )
    return sorted(set(students) or graded)


def _generate(
    course: Course, assignment: str, students: list[str], digests: dict[str, str]
) -> tuple[list[Path], dict[str, str]]:
    """Generate pages in one process; return those written, and why others were not."""
    coursedir = course.coursedir
    written: list[Path] = []
    failed: dict[str, str] = {}
    # nbgrader takes students by a pattern, copies whatever lies beside a notebook, and skips pages
    # that exist. In folders of our own are just the notebooks that are meant.
    with tempfile.TemporaryDirectory(dir=course.root, prefix=".feedback.") as temporary:
        # Relative: nbgrader reads the names of its folders as regular expressions.
        graded, pages = f"{Path(temporary).name}/graded", f"{Path(temporary).name}/pages"
        for number, student in enumerate(students):
            folder = coursedir.format_path(coursedir.autograded_directory, student, assignment)
            notebook = Path(folder, f"{assignment}.ipynb").absolute()
            if notebook.is_file():
                staged = Path(coursedir.format_path(graded, str(number), assignment))
                staged.mkdir(parents=True)
                (staged / notebook.name).symlink_to(notebook)
                (staged / STUDENT).write_text(student, encoding="utf-8")
            else:
                failed[student] = f"{notebook} is missing"
        staged_students = [student for student in students if student not in failed]
        if not staged_students:
            return written, failed
        reason = run_nbgrader(
            course,
            *("generate_feedback", assignment),
            f"--CourseDirectory.autograded_directory={graded}",
            f"--CourseDirectory.feedback_directory={pages}",
            "--GenerateFeedback.exporter_class=mnist_course.grading.nbgrader.StagedExporter",
            seconds=SECONDS_TO_START + SECONDS_PER_PAGE * len(staged_students),
        )
        for student in staged_students:
            page = Path(coursedir.format_path(pages, student, assignment), f"{assignment}.html")
            folder = coursedir.format_path(coursedir.feedback_directory, student, assignment)
            if page.is_file():
                with atomic(Path(folder, page.name)) as unfinished:
                    shutil.copyfile(page, unfinished)
                    mark(unfinished, digests[student])
                noted = course.autograded / student / assignment
                write_notes(Path(folder), read_timestamp(noted), read_secret(noted))
                written.append(Path(folder, page.name))
            elif len(students) == 1:
                failed[student] = reason
            else:
                # One that takes forever, or all memory, must not cost the others their pages.
                alone, reasons = _generate(course, assignment, [student], digests)
                written += alone
                failed |= reasons
    return written, failed


def _names(students: list[str]) -> str:
    more = len(students) - MOST_NAMES
    shown = ", ".join(map(printable, students[:MOST_NAMES]))
    return f"{shown} and {more} more" if more > 0 else shown
