"""Pages of feedback say what the gradebook says, and nothing in them acts in a browser."""

import base64
import shutil
import struct
import subprocess
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import nbformat
import pytest
from helpers import run_nbgrader
from hypothesis import given
from hypothesis import strategies as st
from nbformat import v4
from nbgrader.api import Gradebook

from mnist_course.errors import CourseError
from mnist_course.grading.course.settings import read_course
from mnist_course.grading.gradebook import feedback, formulas
from mnist_course.grading.gradebook.feedback import clean, generate_feedback, markdown_to_html

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAME = "01_double"
UNSAFE = "\ndel c.GenerateFeedback, c.HTMLExporter\n"  # what the course sets to make pages safe
ODD_NAMES = ["bob o'neil", 'quo"te', "g[lo]b*", "g", "zoë {x}", "-dash", "a+b (c)"]
PIXEL = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 1, 1) + bytes(40)
PNG = base64.b64encode(PIXEL).decode()
ACT = "document.body.dataset.owned=1"
FORMS = [
    "<script>{act}</script>",
    '<img src=x onerror="{act}">',
    '<svg onload="{act}"><script>{act}</script></svg>',
    '<iframe srcdoc="<script>parent.{act}</script>"></iframe>',
    '<details open ontoggle="{act}"><summary>s</summary></details>',
    '<input autofocus onfocus="{act}">',
    '<a href="javascript:{act}">a</a> [b](javascript:{act}) <a href="files/javascript:1">c</a>',
    '<meta http-equiv=refresh content="0; url={url}/meta">',
    '<img src="{url}/html"> ![p]({url}/markdown)',
    "<link rel=stylesheet href=\"{url}/link\"><style>@import '{url}/import';</style>",
    '<base href="{url}/"><form action="{url}"><button>b</button></form>',
    '<p style="background: url({url}/style); position: fixed" id=top class="score">t</p>',
    '<math><mtext><table><mglyph><style><img src=x onerror="{act}"></style></mglyph></math>',
    '$<img src=x onerror="{act}">$ and `<script>{act}</script>`',
    r"$$\text{{<script>{act}</script>}} \href{{javascript:{act}}}{{x}} \class{{score}}{{y}}$$",
    r'<a href="$x$" title="$\text{{ onfocus={act} }}$">a</a> ![$y$]({url}/math "$z$")',
]


class Parser(HTMLParser):
    """Collects the tags of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def hostile(url: str) -> str:
    return "\n\n".join(form.format(act=ACT, url=url) for form in FORMS)


def grade(root: Path, student: str, *, text: str = "", comment: str = "", url: str = "") -> None:
    """Hand in the exercise, with a text of the learner in every place, and record its grades."""
    notebook = nbformat.read(root / "exercises" / NAME / f"{NAME}.ipynb", 4)
    cells = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in notebook.cells}
    cells["double"].source = f"# answer of {student}\n{text}"
    cells["why"].source = f"Reflection of {student}. ![pasted](attachment:p.png)\n\n{text}"
    cells["why"].attachments = {"p.png": {"image/png": PNG}}
    if text:
        notebook.cells.append(v4.new_markdown_cell(text))
        notebook.cells.append(v4.new_raw_cell(text))
        notebook.metadata["title"] = text
        data = [
            *({kind: text} for kind in ("text/html", "text/markdown", "text/latex")),
            {"application/javascript": ACT},
            {"image/svg+xml": f"<svg xmlns='http://www.w3.org/2000/svg' onload=\"{ACT}\"/>"},
            {"text/plain": text},
            {"image/png": PNG},
        ]
        attribute = f"1 onload={ACT}"
        metadata = {
            "image/png": {"width": attribute, "height": attribute},
            "filenames": {"image/png": f"{url}/filename"},
            "text/html": {"isolated": True},
        }
        cells["double"].outputs = [
            nbformat.from_dict({"output_type": "display_data", "data": item, "metadata": metadata})
            for item in data
        ]
        cells["double"].outputs.append(v4.new_output("stream", name="stdout", text=text))
        cells["double"].metadata["tags"] = [f'"><img src=x onerror="{ACT}">']
    folder = root / "autograded" / student / NAME
    folder.mkdir(parents=True)
    (folder / f"{NAME}.ipynb").write_text(nbformat.writes(notebook), encoding="utf-8")
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", "mnist-course") as gradebook:
        gradebook.update_or_create_student(student)
        submission = gradebook.add_submission(NAME, student)
        for cell in submission.notebooks[0].grades:
            cell.auto_score = {"check_double": 1.25, "check_greet": 0.5}.get(cell.name)
        for said in submission.notebooks[0].comments:
            said.auto_comment = comment if said.name == "double" else None
        gradebook.db.commit()


def page(root: Path, student: str) -> str:
    return (root / "feedback" / student / NAME / f"{NAME}.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine that notes what is asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *arguments: Any) -> None:
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{listener.server_port}", asked
    listener.shutdown()
    thread.join()
    listener.server_close()


@pytest.fixture(scope="module")
def graded(
    generated: Path, tmp_path_factory: pytest.TempPathFactory, server: tuple[str, list[str]]
) -> Path:
    """A course with a hostile student and students with odd names, all graded."""
    root = shutil.copytree(generated, tmp_path_factory.mktemp("graded") / "course")
    url, _ = server
    grade(root, "mallory", text=hostile(url), comment=f"`double` said: {hostile(url)}", url=url)
    for student in ODD_NAMES:
        grade(root, student, comment=f"A hint for {student}.")
    return root


@pytest.fixture(scope="module")
def pages(graded: Path) -> Path:
    generate_feedback(read_course(graded), NAME)
    return graded


def test_everybody_who_is_graded_gets_a_page(pages: Path) -> None:
    found = {path.parents[1].name for path in (pages / "feedback").rglob("*.html")}
    assert found == {"mallory", *ODD_NAMES}
    assert not [path for path in pages.iterdir() if path.name.startswith(".feedback")]


def test_page_says_points_and_feedback_beside_what_they_are_about(pages: Path) -> None:
    text = page(pages, "bob o'neil")
    top, task, next_task = (text.index(f'id="{name}"') for name in ("tasks", "part-1", "part-2"))
    for shown in ("1.25 of 2 points", "A hint for bob o'neil.", "https://e.org/double.html#once"):
        assert shown in text[top:task]
    for shown in ("1.25 of 2 points", "A hint for bob o'neil.", "# answer of bob o'neil"):
        assert shown in text[task:next_task]
    assert "1.75 of 5.5 points" in text[:top]
    assert "up to 2 more" in text[:top]
    assert "2 points, not given yet" in text
    assert "waits to be read by a person" in text


@pytest.mark.parametrize("student", ["mallory", *ODD_NAMES])
def test_page_has_nothing_of_other_students(pages: Path, student: str) -> None:
    text = page(pages, student)
    assert f"Reflection of {student}." in text
    for other in {"mallory", *ODD_NAMES} - {student}:
        assert f"Reflection of {other}." not in text
        assert f"A hint for {other}." not in text


def test_page_has_no_line_of_the_solution_or_the_hidden_tests(pages: Path) -> None:
    tests = (pages / "solutions" / NAME / f"test_{NAME}.py").read_text(encoding="utf-8")
    secrets = [line.strip() for line in tests.splitlines() if "student" in line or "assert" in line]
    assert len(secrets) > 5
    secrets += ["len(&quot;ab&quot;)", "factor", "Because of mathematics", "should leave 0"]
    text = page(pages, "g")
    assert [secret for secret in secrets if secret in text] == []


def assert_harmless(text: str) -> None:
    tags = Parser(text).tags
    allowed = {"html", "head", "body", "meta", "title", "style", "div", "span", "a", "p", "pre"}
    allowed |= {"code", "h1", "h2", "h3", "h4", "ol", "li", "b", "img", "details", "summary"}
    allowed |= {"main", "strong", "em", "ul", "br", "blockquote", "table"}
    allowed |= {"header", "section", "footer", "dl", "dt", "dd", *formulas._TAGS.split()}
    assert {tag for tag, _ in tags} <= allowed
    for tag, attributes in tags:
        assert not [name for name in attributes if name.startswith("on") or name == "srcdoc"]
        if tag in formulas._TAGS.split():
            assert set(attributes) <= {"tabindex", *formulas._ATTRIBUTES.split()}
        assert (attributes.get("src") or "data:image/png;base64,").startswith(
            "data:image/png;base64,"
        )
        assert (attributes.get("href") or "#").startswith(("#", "http://", "https://", "mailto:"))
        if tag == "meta" and "http-equiv" in attributes:
            assert attributes["content"] == feedback.POLICY


def test_nothing_on_a_page_can_act(pages: Path) -> None:
    text = page(pages, "mallory")
    assert_harmless(text)
    assert text.index(feedback.POLICY) < text.index("<body")
    assert text.count(PNG) == 2  # the picture itself is there, and the pasted one
    assert f'<img alt="pasted" src="data:image/png;base64,{PNG}"' in text


@pytest.fixture(scope="module")
def stock(graded: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The page of mallory as nbgrader's own command makes it, without and with our settings."""
    made = {}
    for kind, lines in {"without": UNSAFE, "with": ""}.items():
        root = shutil.copytree(graded, tmp_path_factory.mktemp("stock") / "course")
        shutil.rmtree(root / "feedback", ignore_errors=True)
        with (root / "nbgrader_config.py").open("a") as config:
            config.write(lines)
        run_nbgrader(root, "generate_feedback", NAME, "--student=mallory")
        made[kind] = page(root, "mallory")
    return made


@pytest.mark.slow
def test_own_command_of_nbgrader_is_safe_with_the_configuration_alone(
    stock: dict[str, str],
) -> None:
    with pytest.raises(AssertionError):
        assert_harmless(stock["without"])
    assert_harmless(stock["with"])
    assert feedback.POLICY in stock["with"]


def test_formgrader_is_safe_with_the_configuration(graded: Path) -> None:
    """The formgrader has an `HTMLExporter` of its own, which reads the same configuration."""
    from nbconvert.exporters import HTMLExporter
    from nbgrader.server_extensions.formgrader import handlers

    config = read_course(graded).config.copy()
    config.HTMLExporter.template_name = "formgrade"
    assert handlers.template_path in config.HTMLExporter.extra_template_basedirs
    resources = dict.fromkeys(["assignment_id", "notebook_id", "submission_id", "student"], "x")
    resources |= dict.fromkeys(["base_url", "last_name", "first_name", "notebook_path"], "x")
    text, _ = HTMLExporter(config=config).from_filename(
        str(graded / "autograded" / "mallory" / NAME / f"{NAME}.ipynb"),
        resources={**resources, "index": 0, "total": 1},
    )
    inside = text[text.index('id="notebook-container"') : text.index('<div class="help">')]
    for tag, attributes in Parser(inside).tags:
        assert tag not in {"script", "iframe", "svg", "style", "meta", "form", "link", "base"}
        assert not [name for name in attributes if name.startswith("on")]
    assert ACT in inside  # as text
    asked = [attributes.get("src") or attributes.get("href") for _, attributes in Parser(text).tags]
    outside = text.replace(inside, "")
    assert [url for url in asked if url and "://" in url and url in outside] == []


LOOKS = [(320, "light"), (360, "dark"), (768, "dark"), (1440, "light")]


@pytest.mark.parametrize("student", ["mallory", "zoë {x}"])
def test_page_is_no_obstacle_and_asks_nobody(pages: Path, browser: "Browser", student: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    wrong = []
    asked: list[str] = []
    for width, scheme in LOOKS:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        window = context.new_page()
        window.on("request", lambda request: asked.append(request.url))
        window.goto((pages / "feedback" / student / NAME / f"{NAME}.html").as_uri())
        for folded in window.locator("details").all():
            folded.evaluate("element => { element.open = true }")
        needed = window.evaluate("document.documentElement.scrollWidth")
        # axe needs scripts, which the page forbids: a policy in the page does not hold for it.
        found = Axe().run(window, options={"preload": False}).response["violations"]
        if found or needed > width:
            wrong.append((width, scheme, [(one["id"], one["nodes"][0]["html"]) for one in found]))
        context.close()
    assert wrong == []
    assert {urlsplit(url).scheme for url in asked} <= {"file", "data"}


@pytest.mark.browser
def test_scripts_do_not_run_in_a_browser(
    pages: Path, stock: dict[str, str], server: tuple[str, list[str]], tmp_path: Path
) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        pytest.skip("needs chromium, to load a page: install Debian's package chromium")
    _, asked = server

    def load(text: str) -> dict[str, str | None]:
        (tmp_path / "page.html").write_text(text, encoding="utf-8")
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000"]
        # Other servers than ours are not to be found, rather than waited for.
        options += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--dump-dom"]
        options += [f"--user-data-dir={tmp_path / 'profile'}"]
        shown = subprocess.run(
            [browser, *options, f"file://{tmp_path / 'page.html'}"],
            check=True,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        ).stdout
        return next(attributes for tag, attributes in Parser(shown).tags if tag == "body")

    # Without the meta refresh, which would lead the browser away before the others act.
    assert "data-owned" in load(stock["without"].replace('http-equiv="refresh"', ""))
    assert asked
    asked.clear()
    for text in (page(pages, "mallory"), stock["with"]):
        assert "data-owned" not in load(text)
    assert asked == []


@pytest.mark.slow
def test_pages_of_some_students_replace_only_theirs(graded: Path, tmp_path: Path) -> None:
    root = shutil.copytree(graded, tmp_path / "course")
    for student in ("g", "g[lo]b*"):
        (root / "feedback" / student / NAME).mkdir(parents=True, exist_ok=True)
        (root / "feedback" / student / NAME / f"{NAME}.html").write_text("old")
    seen = []

    files = generate_feedback(
        read_course(root), NAME, ["g[lo]b*"], report=lambda *numbers: seen.append(numbers)
    )

    assert files == [root / "feedback" / "g[lo]b*" / NAME / f"{NAME}.html"]
    assert seen == [(1, 1)]
    assert "Reflection of g[lo]b*." in page(root, "g[lo]b*")
    assert page(root, "g") == "old"


@pytest.mark.slow
def test_who_is_not_graded_gets_no_page_but_a_sentence(course: Path) -> None:
    folder = course / "autograded" / "eve" / NAME
    folder.mkdir(parents=True)
    shutil.copy(course / "exercises" / NAME / f"{NAME}.ipynb", folder)
    with pytest.raises(
        CourseError, match="no grades yet: run 'mnist-course grade 01_double' first"
    ):
        generate_feedback(read_course(course), NAME)
    with pytest.raises(CourseError, match="02_none has no grades yet"):
        generate_feedback(read_course(course), "02_none")
    grade(course, "ada")
    with pytest.raises(CourseError, match="no grade for 01_double of eve: check the name"):
        generate_feedback(read_course(course), NAME, ["ada", "eve"])
    assert not (course / "feedback").exists()
    generate_feedback(read_course(course), NAME)
    assert [path.name for path in (course / "feedback").iterdir()] == ["ada"]


def test_pages_that_fail_are_counted_after_all_others_are_written(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    students = [f"student-{number}" for number in range(feedback.BATCH + 2)]
    reasons = {students[0]: "no notebook", students[-1]: "no grade"}

    def write(
        _: object, __: str, some: list[str], *___: object
    ) -> tuple[list[Path], dict[str, str]]:
        failed = {student: reasons[student] for student in some if student in reasons}
        return [course / student for student in some if student not in failed], failed

    monkeypatch.setattr(feedback, "_graded", lambda *_: students)
    monkeypatch.setattr(feedback, "_generate", write)
    done = []
    with pytest.raises(CourseError, match=rf"^2 of {len(students)} pages .*\(no notebook\)"):
        generate_feedback(read_course(course), NAME, report=lambda *n: done.append(n))
    assert done[-1] == (len(students), len(students))


@pytest.mark.slow
def test_page_that_fails_is_named_and_costs_the_others_nothing(course: Path) -> None:
    for student in ("ada", "bob", "eve"):
        grade(course, student)
    (course / "autograded" / "bob" / NAME / f"{NAME}.ipynb").write_text("no notebook")
    (course / "autograded" / "eve" / NAME / f"{NAME}.ipynb").unlink()
    with pytest.raises(CourseError, match=r"2 of 3 pages .*, of eve, bob \("):
        generate_feedback(read_course(course), NAME)
    assert [path.name for path in (course / "feedback").iterdir()] == ["ada"]


def test_parts_that_no_valid_notebook_has_are_dropped() -> None:
    cell = v4.new_code_cell("x", metadata={"nbgrader": {"grade_id": FORMS[0]}, "tags": [FORMS[0]]})
    cell.execution_count = FORMS[0]
    cell.outputs = [{"output_type": FORMS[0], "svg_filename": FORMS[0], "data": {}}]
    cleaned, _ = feedback.HarmlessCells().preprocess_cell(cell, {}, 0)
    assert (cleaned.metadata, cleaned.execution_count, cleaned.outputs) == ({}, None, [])


def test_formatting_survives() -> None:
    html = markdown_to_html(
        "# A\n\n**b** [c](https://a.org) `x < 3`\n\n```python\nif a < b: pass\n```\n\n"
        "|a|b|\n|-|-|\n|1|2|"
    )
    for part in ("<h1>A</h1>", "<strong>b</strong>", '<a href="https://a.org">c</a>'):
        assert part in html
    assert "<code>x &lt; 3</code>" in html
    assert '<span class="k">if</span>' in html
    assert "<td>1</td>" in html


def test_formulas_are_mathml_and_others_are_as_typed() -> None:
    html = markdown_to_html("Let $x < 1$ be\n\n$$\\frac{a}{b}$$\n\nor $a_b_c$ for \\$5 and \\$6.")
    assert '<math display="inline"><mrow><mi>x</mi><mo>&lt;</mo><mn>1</mn></mrow></math>' in html
    assert '<math display="block" tabindex="0">' in html
    assert "<mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac>" in html
    assert "$a_b_c$" in html
    assert "$5 and $6" in html


@pytest.mark.parametrize(
    "tex",
    [
        "{" * 900 + "}" * 900,
        r"\newcommand{\a}{bb}\newcommand{\c}{\a\a}\c",
        r"\def\a{bb}\a",
        "a" * 3000,
        r"\begin{align}",
    ],
)
def test_formula_that_would_take_long_is_shown_as_typed(tex: str) -> None:
    assert "<math" not in markdown_to_html(f"$${tex}$$")


@given(st.text(alphabet="\\{}^_&<>\"'xa1 frctexqb", max_size=60))
def test_any_formula_is_harmless(tex: str) -> None:
    assert_harmless(markdown_to_html(f"a $${tex}$$ b ${tex}$"))


def test_headings_in_a_cell_stand_below_those_of_the_page() -> None:
    assert markdown_to_html("# A\n\n##### B", below=3) == "<h4>A</h4>\n<h6>B</h6>\n"


@given(st.text(), st.sampled_from(FORMS), st.text())
def test_any_text_around_an_attack_leaves_it_harmless(before: str, form: str, after: str) -> None:
    attack = form.format(act=ACT, url="http://e.org")
    assert_harmless(markdown_to_html(before + attack + after))
    assert_harmless(clean(before + attack + after))


def test_endless_text_and_deep_markup_are_bounded() -> None:
    assert "too long to show" in markdown_to_html("a" * 1_000_000)
    assert_harmless(markdown_to_html("<div>" * 3000 + FORMS[0]))
