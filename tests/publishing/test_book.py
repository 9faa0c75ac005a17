import html
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import yaml
from bs4 import BeautifulSoup
from nbformat import v4, write
from pypdf import PdfReader
from pypdf.generic import Destination

from mnist_course import _programs
from mnist_course._programs import find_browser
from mnist_course.cli import app
from mnist_course.errors import CourseError
from mnist_course.publishing import book
from mnist_course.publishing.book import Page, build, read_contents
from mnist_course.publishing.pdf import Chapter, _link, _unfold, find_printer, print_book

ROOT = Path(__file__).parents[2]
COMMAND = Path(sys.executable).with_name("mnist-course")
SECONDS = 600
Run = Callable[..., "subprocess.CompletedProcess[str]"]
CONFIG = """
title: A small book & more
author: Somebody
only_build_toc_files: true
repository: {url: https://github.com/somebody/course}
execute: {execute_notebooks: cache, timeout: 60}
sphinx: {config: {mathjax_path: none.js}}
"""
CONTENTS = """
format: jb-book
root: book/welcome
parts:
  - caption: The course
    chapters:
      - file: book/sums
        sections:
          - file: book/deeper.md
"""
WELCOME = """# Welcome

To [the product](#product), to [the sums](sums.ipynb), [Python](https://www.python.org) and
<a href="../genindex.html">the index</a>.
"""
DEEPER = """# Deeper

<details><summary>Answer</summary>

It was forty-two.

</details>

Back to [the start](welcome.md).

## A product

Of the same name as another.
"""


def run_process(
    *arguments: str, cwd: Path, **environment: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [COMMAND, "book", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=SECONDS,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200", **environment},
        check=False,
    )


def write_notebook(path: Path, *cells: str) -> None:
    title = v4.new_markdown_cell(f"# {path.stem.capitalize()}\n\n(product)=\n## A product")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    code = [v4.new_code_cell(cell, id=f"cell-{number}") for number, cell in enumerate(cells)]
    title.id = "title"
    write(v4.new_notebook(cells=[title, *code], metadata={"kernelspec": kernel}), path)


def write_book(course: Path) -> Path:
    (course / "book").mkdir(parents=True)
    (course / "_config.yml").write_text(CONFIG)
    (course / "_toc.yml").write_text(CONTENTS)
    (course / "book" / "welcome.md").write_text(WELCOME)
    (course / "book" / "deeper.md").write_text(DEEPER)
    write_notebook(
        course / "book" / "sums.ipynb",
        "import os, sys\nsys.executable",
        "os.environ.get('MNIST_COURSE_DATA')",
    )
    return course


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    """A small book, built where the user has a kernel of the same name that does not start."""
    home = tmp_path_factory.mktemp("home")
    kernel = home / "kernels" / "python3"
    kernel.mkdir(parents=True)
    spec = {"argv": ["nowhere", "{connection_file}"], "display_name": "x", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    course = write_book(tmp_path_factory.mktemp("course") / "with space")
    own = {"MNIST_COURSE_DATA": "own.npz"}  # beside the book, not beside the page that loads it
    jupyter = {"JUPYTER_DATA_DIR": str(home), "JUPYTER_PREFER_ENV_PATH": "0"}
    result = run_process("--json", cwd=course, **own, **jupyter)
    assert result.returncode == 0, result.stdout + result.stderr
    return course, json.loads(result.stdout)


@pytest.fixture(scope="module")
def browser() -> str:
    if found := find_browser():
        return found
    pytest.skip("needs Chromium or Chrome")


@pytest.fixture(scope="module")
def printed(built: tuple[Path, dict[str, object]], browser: str) -> PdfReader:
    course, _ = built
    return PdfReader(print_book(course, read_contents(course), browser))


@pytest.mark.slow
def test_notebooks_run_in_this_python_with_the_data_that_is_named(
    built: tuple[Path, dict[str, object]],
) -> None:
    course, report = built
    assert report["executed"] == ["book/sums"]
    assert report["problems"] == []
    assert report["pages"] == 3
    assert Path(str(report["index"])).is_file()
    shown = html.unescape((course / "_build/html/book/sums.html").read_text(encoding="utf-8"))
    assert f"{sys.executable!r}" in shown
    assert f"{str(course / 'own.npz')!r}" in shown


@pytest.mark.slow
def test_what_has_not_changed_is_not_executed_again_and_opens(
    built: tuple[Path, dict[str, object]], tmp_path: Path
) -> None:
    course, _ = built
    (tmp_path / "open.py").write_text(
        "import pathlib, sys; pathlib.Path(__file__).with_name('opened').write_text(sys.argv[1])"
    )
    opener = f"{Path(sys.executable).as_posix()} {(tmp_path / 'open.py').as_posix()} %s"
    result = run_process("--open", cwd=course, BROWSER=opener)
    assert result.returncode == 0
    assert (tmp_path / "opened").read_text() == (course / "_build/html/index.html").as_uri()
    assert result.stdout.strip() == str(course / "_build" / "html" / "index.html")
    assert "executing" not in result.stderr
    assert ", 0 of them executed" in result.stderr


@pytest.mark.slow
def test_changed_page_is_executed_again_with_a_guess_from_the_last_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = write_book(tmp_path / "course")
    pages = read_contents(course)
    assert build(course, pages).executed == ["book/sums"]
    write_notebook(course / "book" / "sums.ipynb", "6 * 7")
    reports = []
    build(course, pages, report=lambda *what: reports.append(what))
    assert {what[:3] for what in reports} == {("book/sums", 1, 1)}
    assert all(seconds is not None and seconds >= 0 for *_, seconds in reports)
    assert book._pages_to_execute(course, pages) == {}
    before = book._basis()
    for what in ("TOOLS", "PACKAGES"):  # as if another file, or another version, were behind it
        with monkeypatch.context() as patch:
            patch.setattr(book, what, ("numpy",))
            assert book._basis() != before
    monkeypatch.setattr(book, "PACKAGES", ("numpy",))
    assert build(course, pages).executed == ["book/sums"]


@pytest.mark.slow
def test_each_problem_is_one_line_and_does_not_go_away_by_itself(run: Run, tmp_path: Path) -> None:
    course = write_book(tmp_path / "course")
    write_notebook(course / "book" / "sums.ipynb", "6 * 7", "1 / 0", "'never'")
    (course / "book" / "deeper.md").write_text("# Deeper\n\nSee [this](nothing.md).\n")
    for _ in range(2):
        result = run("book", cwd=course)
        assert result.returncode == 1
        failed, broken = sorted(result.stdout.splitlines(), reverse=True)
        assert failed == "book/sums.ipynb, cell 3: ZeroDivisionError: division by zero"
        assert broken.startswith("book/deeper.md:3: ")
        assert "nothing.md" in broken
        assert "Traceback" not in result.stderr
        assert str(course / "_build" / "book.log") in result.stderr.splitlines()[-1]
        assert "Executing notebook failed" in (course / "_build" / "book.log").read_text()


def test_pages_run_again_when_what_they_compute_with_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = shutil.copytree(book.LIBRARY, tmp_path / "library", ignore=lambda *_: ["data"])
    monkeypatch.setattr(book, "LIBRARY", library)
    output = tmp_path / "output"
    for file, stale in (("grading/nbgrader.py", False), ("training/fitting.py", True)):
        book._forget_what_is_stale(output)
        (output / book.CACHE).mkdir(exist_ok=True)
        (library / file).write_text("# changed")
        book._forget_what_is_stale(output)
        assert (output / book.CACHE).exists() is not stale, file


def test_the_book_is_built_with_warnings_as_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = write_book(tmp_path / "course")
    program = "import sys; sys.exit(not {'-W', '-n', '--keep-going'} <= {*sys.argv})"
    monkeypatch.setattr(book, "PROGRAM", program)
    assert build(course, read_contents(course)).problems == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("import time\ntime.sleep(60)", "book/sums.ipynb, cell 2: takes longer than _config.yml"),
        ("import os\nos._exit(1)", "book/sums: .*DeadKernelError"),
    ],
)
def test_cell_without_end_and_dead_kernel_are_named(
    run: Run, tmp_path: Path, cell: str, sentence: str
) -> None:
    course = write_book(tmp_path / "course")
    (course / "_config.yml").write_text(CONFIG.replace("timeout: 60", "timeout: 3"))
    write_notebook(course / "book" / "sums.ipynb", cell)
    result = run("book", cwd=course)
    assert result.returncode == 1
    assert re.match(sentence, result.stdout)
    assert len(result.stdout.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs a way to send Ctrl-C")
def test_interrupt_leaves_no_kernel_and_no_page_taken_for_done(tmp_path: Path) -> None:
    course = write_book(tmp_path / "course")
    write_notebook(
        course / "book" / "sums.ipynb",
        "import os, pathlib, time\npathlib.Path('pid').write_text(f'{os.getpid()}.')\n"
        "time.sleep(600)",
    )
    process = subprocess.Popen(
        [COMMAND, "book"],
        cwd=course,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Shells let what they start in the background ignore SIGINT, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    pid = course / "book" / "pid"
    try:
        deadline = time.monotonic() + SECONDS
        while not (pid.exists() and pid.read_text().endswith(".")):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        kernel = psutil.Process(int(pid.read_text()[:-1]))
        family = [kernel, *psutil.Process(process.pid).children(recursive=True)]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in errors
    _, alive = psutil.wait_procs(family, timeout=30)
    assert not alive
    assert not (course / "_build" / ".doctrees").exists()


def test_book_that_takes_too_long_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = write_book(tmp_path / "course")
    (course / "_build").mkdir()
    before = psutil.Process().children()
    monkeypatch.setattr("mnist_course.publishing.book.SECONDS", 0)
    with pytest.raises(CourseError, match="not built within 0 minutes, and was stopped at"):
        build(course, read_contents(course))
    assert psutil.Process().children() == before


@pytest.mark.parametrize("missing", ["_config.yml", "_toc.yml"])
def test_other_folders_are_refused_in_one_sentence(run: Run, tmp_path: Path, missing: str) -> None:
    course = write_book(tmp_path / "course")
    (course / missing).unlink()
    result = run("book", cwd=course)
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert missing in result.stderr
    assert not (course / "_build").exists()


@pytest.mark.parametrize("contents", ["root: [", "format: jb-book", "- file: welcome"])
def test_damaged_contents_are_named(tmp_path: Path, contents: str) -> None:
    course = write_book(tmp_path / "course")
    (course / "_toc.yml").write_text(contents)
    with pytest.raises(CourseError, match=r"_toc\.yml is not a table of contents"):
        read_contents(course)


def test_pages_come_in_the_order_of_the_contents(tmp_path: Path) -> None:
    pages = read_contents(write_book(tmp_path / "course"))
    assert [page.name for page in pages] == ["book/welcome", "book/sums", "book/deeper"]
    assert [page.part for page in pages] == ["", "The course", "The course"]


def test_links_within_the_printed_book_lead_to_sections_or_whole_pages() -> None:
    texts = {
        "loading": '<h1 id="a">A</h1><a href="building.html#b">1</a><a href="building.html">2</a>',
        "building": '<h2 id="building.b">B</h2><a href="loading.html#none">3</a>',
    }
    chapters = []
    for name, text in texts.items():
        article = BeautifulSoup(f"<article>{text}</article>", "html.parser").article
        assert article is not None
        chapters.append(Chapter(Page(name), name, name, article))
    _link(chapters)
    hrefs = [str(a["href"]) for chapter in chapters for a in chapter.article.find_all("a")]
    assert hrefs == ["#building.b", "#building", "#loading"]


def test_without_a_browser_the_one_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_programs, "BROWSERS", ("no-such-browser",))
    with pytest.raises(CourseError, match=r"apt-get install chromium"):
        find_printer()


@pytest.mark.browser
def test_browser_that_fails_is_named_and_the_old_pdf_stays(
    built: tuple[Path, dict[str, object]], tmp_path: Path
) -> None:
    course, _ = built
    pdf = course / "_build" / "mnist-course.pdf"
    before = pdf.read_bytes() if pdf.exists() else None
    with pytest.raises(CourseError, match="did not print the book"):
        print_book(course, read_contents(course), sys.executable)
    assert (pdf.read_bytes() if pdf.exists() else None) == before
    assert not list(pdf.parent.glob(f".{pdf.name}*"))


class TestPDF:
    def test_has_title_contents_and_numbered_pages(self, printed: PdfReader) -> None:
        texts = [page.extract_text() for page in printed.pages]
        assert printed.metadata is not None
        assert printed.metadata.title == "A small book & more"
        assert "A small book & more" in texts[0]
        assert "Somebody" in texts[0]
        assert not re.search(r"^1$", texts[0], re.MULTILINE)
        for number, text in enumerate(texts[1:], start=2):
            assert re.search(rf"^{number}$", text, re.MULTILINE)
        for title in ("Welcome", "Sums", "Deeper"):
            [number] = re.findall(rf"^{title}\s*(\d+)$", texts[1], re.MULTILINE)
            assert title in texts[int(number) - 1]
        assert "The course" in texts[1]

    def test_outline_has_the_headings_in_order(self, printed: PdfReader) -> None:
        titles = [item.title for item in printed.outline if isinstance(item, Destination)]
        assert titles == ["Contents", "Welcome", "Sums", "Deeper"]
        assert [item[0].title for item in printed.outline if isinstance(item, list)] == [
            "A product",
            "A product",
        ]

    def test_links_lead_to_the_right_page_or_out(self, printed: PdfReader) -> None:
        texts = [page.extract_text() for page in printed.pages]
        places = printed.named_destinations
        inside, outside = [], []
        for annotation in printed.pages[texts.index(find(texts, "To the product"))]["/Annots"]:
            link = annotation.get_object()
            if "/Dest" in link:
                number = printed.get_destination_page_number(places[str(link["/Dest"])])
                assert number is not None
                inside.append(texts[number])
            else:
                outside.append(link["/A"]["/URI"])
        assert len(inside) == 2
        assert all("Sums" in text.splitlines() for text in inside)
        assert outside == ["https://www.python.org/"]

    def test_answers_are_open_and_buttons_are_gone(self, printed: PdfReader) -> None:
        text = "".join(page.extract_text() for page in printed.pages)
        assert "It was forty-two." in text
        assert sys.executable.rsplit("/", 1)[-1] in text
        assert "#" not in text


FOLDED = """<article><section>
<details class="admonition hide above-input"><summary><p>Show code cell source</p>
<p>Hide code cell source</p></summary><pre>1 + 1</pre></details>
<p>Draw:</p>
<div data-interactive="draw"><p><img alt="A pad" src="pad.png"/></p>
<p><em>It needs JavaScript.</em></p></div>
<p>Quiz 1. How many?</p><ul><li>a) 1</li></ul>
<details><summary>Answer to quiz 1</summary><ul><li>a) Right.</li></ul></details>
<p>Quiz 2. Who?</p><ul><li>a) You</li></ul>
<details><summary>Answer to quiz 2</summary><ul><li>a) Wrong.</li></ul></details>
</section></article>"""


def test_on_paper_answers_follow_all_questions_and_nothing_speaks_of_what_one_clicks() -> None:
    article = BeautifulSoup(FOLDED, "html.parser").article
    assert article is not None
    _unfold(article)
    text = " ".join(article.get_text().split())
    assert text.startswith("1 + 1 Draw:")
    assert text.endswith("Answer to quiz 1a) Right.Answer to quiz 2a) Wrong.")
    assert "JavaScript" not in text
    assert [str(tag.img and tag.img["alt"]) for tag in article.find_all("figure")] == ["A pad"]
    leads = [tag.get_text() for tag in article.select(".lead")]
    assert leads == ["Draw:", "Quiz 1. How many?", "Quiz 2. Who?"]


def find(texts: list[str], words: str) -> str:
    return next(text for text in texts if words in text)


def commands_in(text: str) -> set[str]:
    return set(re.findall(r"\bmnist-course ([a-z]+)\b", text))


@pytest.mark.parametrize("name", [".github/workflows/book.yml", ".devcontainer/devcontainer.json"])
def test_what_other_machines_run_exists(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    known = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert commands_in(text)
    assert commands_in(text) <= known
    for file in re.findall(r"-r (\S+\.txt)", text):
        assert (ROOT / file).is_file()


def test_workflow_gives_each_job_only_what_it_needs() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/book.yml").read_text(encoding="utf-8"))
    jobs = workflow["jobs"]
    assert workflow["permissions"] == {"contents": "read"}
    assert {name for name, job in jobs.items() if "permissions" in job} == {"publish", "attach"}
    for job in jobs.values():
        assert job.get("needs", "build") in jobs
        for step in job["steps"]:
            assert re.fullmatch(r"actions/[\w-]+@v\d+", step.get("uses", "actions/none@v0"))
    assert workflow[True]["schedule"]  # YAML takes the key `on` for a truth value


def test_container_and_binder_have_what_notebooks_need() -> None:
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    assert "bubblewrap" in container["onCreateCommand"]
    assert {"ms-python.python", "ms-toolsai.jupyter"} <= set(
        container["customizations"]["vscode"]["extensions"]
    )
    assert "-e .[notebooks]" in (ROOT / ".binder/requirements.txt").read_text().splitlines()
