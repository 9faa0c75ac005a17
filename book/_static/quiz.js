/* Make the quizzes of a chapter answerable in the page.
 *
 * Without this script a quiz is a question, a list of choices, and a fold with an answer to each of
 * them; it stays that on paper. Here the choices become buttons of one group, and what the fold says
 * about the chosen one is shown when the reader asks for it.
 */
(function () {
  "use strict";

  function start() {
    document.querySelectorAll(".bd-article details").forEach((fold) => {
      const number = /^Answer to quiz (\d+)$/.exec(fold.querySelector("summary").textContent.trim());
      const choices = fold.previousElementSibling;
      const answers = fold.querySelector("ul");
      if (number && choices && choices.tagName === "UL" && answers) {
        fold.before(makeQuiz(number[1], choices, [...answers.children], fold));
      }
    });
  }

  function makeQuiz(number, choices, answers, fold) {
    const quiz = element("fieldset", { className: "quiz" });
    const question = choices.previousElementSibling;
    const legend = element("legend");
    legend.append(...question.childNodes);
    const verdict = element("div", { className: "quiz-verdict" });
    verdict.setAttribute("role", "status");
    const check = element("button", { type: "button", textContent: "Check", disabled: true });
    const options = [...choices.children].map((choice, i) => {
      const option = element("input", { type: "radio", name: `quiz-${number}`, value: String(i) });
      option.addEventListener("change", () => {
        check.disabled = false;
        verdict.replaceChildren();
        quiz.removeAttribute("data-verdict");
      });
      const label = element("label", { className: "quiz-choice" });
      label.append(option, ...contents(choice));
      return label;
    });
    check.addEventListener("click", () => {
      const chosen = Number(quiz.querySelector("input:checked").value);
      const answer = contents(answers[chosen].cloneNode(true));
      const right = answers[chosen].textContent.replace(/^\s*[a-z]\)\s*/, "").startsWith("Right");
      quiz.dataset.verdict = right ? "right" : "wrong";
      verdict.replaceChildren(element("span", { ariaHidden: "true", textContent: right ? "✓ " : "✗ " }));
      verdict.append(...answer);
    });
    quiz.append(legend, ...options, check, verdict);
    question.remove();
    choices.remove();
    fold.querySelector("summary").textContent = `All answers to quiz ${number}`;
    return quiz;
  }

  /** Return what is in a list item, without the paragraph that Sphinx may have put around it. */
  function contents(item) {
    const only = item.children.length === 1 && item.firstElementChild;
    return [...(only && only.tagName === "P" ? only : item).childNodes];
  }

  function element(tag, properties = {}) {
    return Object.assign(document.createElement(tag), properties);
  }

  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", start);
  } else {
    start();
  }
})();
