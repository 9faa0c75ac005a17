/* Let readers tick off sections and exercises, and show how far they are.
 *
 * What is ticked stays in this browser (localStorage) and goes nowhere else. Where the browser
 * keeps nothing, there is nothing to tick.
 */
(function () {
  "use strict";

  const KEY = "mnist-course-progress";
  const NOTICE = "This file holds no progress in this course; expected one that was exported here.";
  const PAGE = /^book\/[\w-]+$/;
  const SECTION = /^[\w-]+$/;

  const root = new URL(document.documentElement.dataset.content_root || "./", location.href).href;

  /** Name the page of a link, such as "book/loading". */
  function pageOf(address) {
    const path = address.split(/[?#]/)[0];
    return path.startsWith(root) ? path.slice(root.length).replace(/\.html$/, "") : "";
  }

  /** Return what was ticked: for each page its number of sections, and the names of those done. */
  function read() {
    try {
      return parse(localStorage.getItem(KEY) || "{}");
    } catch {
      return {};
    }
  }

  function write(progress) {
    localStorage.setItem(KEY, JSON.stringify(progress));
    showInContents(progress);
  }

  /** Parse progress; throws if it is something else. */
  function parse(text) {
    const progress = JSON.parse(text);
    if (progress.constructor !== Object) {
      throw new Error(NOTICE); // a list or a number would take ticks, and not keep them
    }
    for (const [page, { total, done }] of Object.entries(progress)) {
      const valid =
        PAGE.test(page) &&
        Number.isInteger(total) &&
        total > 0 &&
        Array.isArray(done) &&
        done.every((section) => SECTION.test(section));
      if (!valid) {
        throw new Error(NOTICE);
      }
    }
    return progress;
  }

  /** Add what was ticked elsewhere; nothing is taken back. */
  function merge(progress, other) {
    for (const [page, { total, done }] of Object.entries(other)) {
      const mine = (progress[page] || { done: [] }).done;
      progress[page] = { total, done: [...new Set([...mine, ...done])] };
    }
    return progress;
  }

  /** Put a box to tick at the end of each section of a chapter, or of the page of an exercise. */
  function addBoxes(page) {
    const name = page.replace("book/", "");
    const exercise = name.startsWith("exercise_");
    const chapter = document.querySelector('.bd-article :is(section#quiz, a[href*="/exercises/"])');
    const sections = [...document.querySelectorAll(".bd-article > section > section")];
    const parts = exercise ? sections.slice(-1) : chapter && name !== "welcome" ? sections : [];
    parts.forEach((section) => {
      const box = Object.assign(document.createElement("input"), { type: "checkbox" });
      const heading = section.querySelector("h2").firstChild.textContent.trim();
      const label = document.createElement("label");
      label.className = "progress-box";
      label.append(box, exercise ? " I have handed it in" : " I have read this section");
      box.setAttribute("aria-label", exercise ? "I have handed it in" : `I have read: ${heading}`);
      box.checked = (read()[page] || { done: [] }).done.includes(section.id);
      box.addEventListener("change", () => {
        const progress = read();
        const done = new Set((progress[page] || { done: [] }).done);
        done[box.checked ? "add" : "delete"](section.id);
        progress[page] = { total: parts.length, done: [...done] };
        write(progress);
      });
      section.append(label);
    });
  }

  function showInContents(progress) {
    document.querySelectorAll(".progress-mark").forEach((mark) => mark.remove());
    document.querySelectorAll(".bd-links a.reference.internal").forEach((link) => {
      const { total, done } = progress[pageOf(link.href)] || { total: 0, done: [] };
      if (done.length) {
        const mark = document.createElement("span");
        mark.className = "progress-mark";
        const sign = document.createElement("span");
        sign.ariaHidden = "true";
        sign.textContent = done.length >= total ? " ✓" : ` ${done.length}/${total}`;
        const words = document.createElement("span");
        words.className = "visually-hidden";
        words.textContent = done.length >= total ? " done" : ` ${done.length} of ${total} sections read`;
        mark.append(sign, words);
        link.append(mark);
      }
    });
  }

  /** Fill the place where progress is exported, imported and erased. */
  function addControls(place) {
    const status = document.createElement("p");
    status.setAttribute("role", "status");
    const file = Object.assign(document.createElement("input"), { type: "file", hidden: true });
    file.accept = "application/json,.json";
    file.setAttribute("aria-label", "File with exported progress");
    file.addEventListener("change", async () => {
      try {
        write(merge(read(), parse(await file.files[0].text())));
        status.textContent = "Imported.";
      } catch {
        status.textContent = NOTICE;
      }
      file.value = "";
    });
    const button = (text, action) => {
      const made = Object.assign(document.createElement("button"), { type: "button" });
      made.textContent = text;
      made.addEventListener("click", action);
      return made;
    };
    place.append(
      button("Export", () => {
        const link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob([JSON.stringify(read(), null, 1)]));
        link.download = "mnist-course-progress.json";
        link.click();
        URL.revokeObjectURL(link.href);
        status.textContent = "Exported.";
      }),
      button("Import", () => file.click()),
      button("Erase", () => {
        if (confirm("Erase what you have ticked off in this course?")) {
          write({});
          status.textContent = "Erased.";
        }
      }),
      file,
      status,
    );
    place.hidden = false;
  }

  function start() {
    try {
      localStorage.setItem(KEY, localStorage.getItem(KEY) || "{}");
    } catch {
      return;
    }
    addBoxes(pageOf(location.href));
    showInContents(read());
    // What was ticked on the page from which a reader comes back, or beside this one.
    ["pageshow", "storage"].forEach((event) => addEventListener(event, () => showInContents(read())));
    document.querySelectorAll("[data-progress]").forEach(addControls);
  }

  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", start);
  } else {
    start();
  }
})();
