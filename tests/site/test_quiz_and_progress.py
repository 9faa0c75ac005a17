"""Quizzes are answered in the page, and what was read is remembered there."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect


@pytest.fixture
def window(browser: Browser) -> Iterator[Page]:
    """A window of its own, with nothing remembered."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def chapter(window: Page, site: Path) -> Page:
    window.goto((site / "book" / "building.html").as_uri())
    return window


# Answers every quiz in every way; returns what was said, and whether it was called right.
ANSWER = """() => [...document.querySelectorAll("fieldset.quiz")].map(quiz =>
    [...quiz.querySelectorAll("input")].map(choice => {
        choice.click();
        quiz.querySelector("button").click();
        return [
            choice.parentElement.textContent.trim().slice(0, 2),
            quiz.querySelector("[role=status]").textContent,
            quiz.dataset.verdict,
        ];
    }))"""


def test_every_quiz_of_every_chapter_can_be_answered(window: Page, site: Path) -> None:
    pages = [
        (path, path.read_text(encoding="utf-8").count("<summary>Answer to quiz"))
        for path in sorted((site / "book").glob("*.html"))
    ]
    assert sum(count for _, count in pages) > 0
    for path, count in pages:
        window.goto(path.as_uri())
        quizzes = window.evaluate(ANSWER)
        assert len(quizzes) == count, path
        for answers in quizzes:
            assert [verdict for *_, verdict in answers].count("right") == 1, (path, answers)
            for letter, said, verdict in answers:
                assert said.startswith(f"{'✓' if verdict == 'right' else '✗'} {letter} "), path


def test_answer_to_the_chosen_one_is_shown_and_announced(chapter: Page) -> None:
    quiz = chapter.locator("fieldset.quiz").first
    check, verdict = quiz.get_by_role("button", name="Check"), quiz.get_by_role("status")
    expect(check).to_be_disabled()
    said = set()
    for choice in quiz.get_by_role("radio").all():
        choice.check()
        expect(verdict).to_be_empty()
        check.click()
        said.add(quiz.get_attribute("data-verdict"))
        letter = choice.locator("xpath=..").inner_text().strip()[:2]
        assert verdict.inner_text()[2:].startswith(letter)
        assert ("Right" in verdict.inner_text()) == (quiz.get_attribute("data-verdict") == "right")
    assert said == {"right", "wrong"}


def test_quiz_works_by_keyboard_alone(chapter: Page) -> None:
    quiz = chapter.locator("fieldset.quiz").first
    quiz.get_by_role("radio").first.focus()
    chapter.keyboard.press("ArrowDown")
    expect(quiz.get_by_role("radio").nth(1)).to_be_checked()
    chapter.keyboard.press("Tab")
    chapter.keyboard.press("Enter")
    assert quiz.get_by_role("status").inner_text()[2:].startswith("b)")


def test_answered_quiz_is_no_obstacle(chapter: Page) -> None:
    quiz = chapter.locator("fieldset.quiz").first
    quiz.get_by_role("radio").first.check()
    quiz.get_by_role("button", name="Check").click()
    here = "fieldset.quiz"
    found = Axe().run(chapter, context=here, options={"preload": False}).response["violations"]
    assert [one for one in found if one["impact"] in ("serious", "critical")] == []


def test_on_paper_the_answers_need_no_opening(chapter: Page) -> None:
    answer = chapter.locator("fieldset.quiz + details > ul").first
    height = "answer => answer.parentElement.getBoundingClientRect().height"
    folded = answer.evaluate(height)
    chapter.emulate_media(media="print")
    expect(answer).to_be_visible()
    assert answer.evaluate(height) > 2 * folded


def test_without_scripts_the_answers_are_in_a_fold(browser: Browser, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    window = context.new_page()
    window.goto((site / "book" / "building.html").as_uri())
    fold = window.locator("details", has_text="Answer to quiz 1").first
    fold.locator("summary").click()
    expect(fold.get_by_text("Right", exact=False).first).to_be_visible()
    context.close()


def test_ticked_sections_are_remembered_and_shown_in_the_contents(chapter: Page) -> None:
    boxes = chapter.locator(".progress-box input")
    total = boxes.count()
    assert total == chapter.locator(".bd-article > section > section").count()
    boxes.nth(0).check()
    boxes.nth(2).check()
    boxes.nth(2).uncheck()
    entry = chapter.locator(".bd-links a", has_text="Building the network")
    expect(entry).to_contain_text(f"1/{total}")
    expect(chapter.get_by_role("link", name=f"1 of {total} sections read")).to_have_count(1)
    chapter.reload()
    expect(boxes.nth(0)).to_be_checked()
    expect(boxes.nth(2)).not_to_be_checked()
    for box in boxes.all():
        box.check()
    expect(entry).to_contain_text("✓")


def test_exercises_are_ticked_off_as_a_whole(window: Page, site: Path) -> None:
    window.goto((site / "book" / "exercise_01_loading.html").as_uri())
    window.get_by_role("checkbox", name="I have handed it in").check()
    expect(window.locator(".bd-links a", has_text="01 · Loading")).to_contain_text("✓")


def test_progress_is_exported_imported_and_erased(
    chapter: Page, site: Path, tmp_path: Path
) -> None:
    chapter.locator(".progress-box input").first.check()
    chapter.goto((site / "book" / "welcome.html").as_uri())
    with chapter.expect_download() as download:
        chapter.get_by_role("button", name="Export").click()
    exported = tmp_path / "progress.json"
    download.value.save_as(exported)
    assert len(json.loads(exported.read_text())["book/building"]["done"]) == 1
    chapter.on("dialog", lambda dialog: dialog.accept())
    chapter.get_by_role("button", name="Erase").click()
    expect(chapter.locator(".progress-mark")).to_have_count(0)
    chapter.locator("[data-progress] input").set_input_files(exported)
    expect(chapter.locator(".progress-mark")).to_have_count(1)


def test_import_adds_and_takes_nothing_back(chapter: Page, site: Path, tmp_path: Path) -> None:
    boxes = chapter.locator(".progress-box input")
    boxes.first.check()
    total = boxes.count()
    last = chapter.locator(".bd-article > section > section").nth(total - 1).get_attribute("id")
    elsewhere = {
        "book/building": {"total": total, "done": [last, last]},
        "book/loading": {"total": 1, "done": ["quiz"]},
    }
    (tmp_path / "elsewhere.json").write_text(json.dumps(elsewhere))
    chapter.goto((site / "book" / "welcome.html").as_uri())
    chapter.locator("[data-progress] input").set_input_files(tmp_path / "elsewhere.json")
    expect(chapter.locator(".bd-links a", has_text="Building the network")).to_contain_text(
        f"2/{total}"
    )
    expect(chapter.locator(".bd-links a", has_text="Loading the data")).to_contain_text("✓")


def test_chapters_without_an_exercise_can_be_ticked_off(chapter: Page, site: Path) -> None:
    for page in ("learning", "backpropagation", "writers"):
        chapter.goto((site / "book" / f"{page}.html").as_uri())
        sections = chapter.locator(".bd-article > section > section").count()
        expect(chapter.locator(".progress-box input")).to_have_count(sections)


def test_what_is_ticked_in_another_tab_is_shown(chapter: Page) -> None:
    other = chapter.context.new_page()
    other.goto(chapter.url)
    expect(other.locator(".progress-box input").first).to_be_visible()  # its script has run
    chapter.locator(".progress-box input").first.check()
    expect(other.locator(".bd-links a", has_text="Building the network")).to_contain_text("1/")


def test_other_files_are_refused_and_change_nothing(
    window: Page, site: Path, tmp_path: Path
) -> None:
    window.goto((site / "book" / "welcome.html").as_uri())
    status = window.locator("[data-progress] [role=status]")
    before = window.evaluate("localStorage.getItem('mnist-course-progress')")
    for text in (
        "",
        "[1]",
        '{"book/building": {"total": -3, "done": []}}',
        "[]",
        "5",
        "true",
        '{"book/building": 3}',
        '{"<b>": {"total": 1, "done": []}}',
        '{"a": null}',
    ):
        status.evaluate("status => { status.textContent = ''; }")
        (tmp_path / "other.json").write_text(text)
        window.locator("[data-progress] input").set_input_files(tmp_path / "other.json")
        expect(status, text).to_contain_text("no progress")
        after = window.evaluate("localStorage.getItem('mnist-course-progress')")
        assert after == before, text
