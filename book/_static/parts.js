/* Small parts that the interactive places are made of. */
(function () {
  "use strict";

  /** Make an element; what is no property of it becomes an attribute. */
  function element(tag, properties = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name in made) {
        made[name] = value;
      } else {
        made.setAttribute(name, value);
      }
    }
    made.append(...children);
    return made;
  }

  function button(text, action) {
    const made = element("button", { type: "button", textContent: text });
    made.addEventListener("click", action);
    return made;
  }

  /**
   * Make a slider with its name and, behind it, what it is set to in words.
   *
   * @returns {{label: HTMLElement, input: HTMLInputElement}} `input.value` is what it is set to.
   */
  function slider(name, { min, max, step = 1, value, words = String }, changed) {
    const input = element("input", { type: "range", min, max, step });
    input.value = value;
    // For the eyes: the slider itself says it, and it is no part of the slider's name.
    const shown = element("span", { "aria-hidden": "true", textContent: words(value) });
    input.addEventListener("input", () => {
      shown.textContent = words(Number(input.value));
      input.setAttribute("aria-valuetext", shown.textContent);
      changed(Number(input.value));
    });
    input.setAttribute("aria-valuetext", shown.textContent);
    return { label: element("label", { className: "part-slider" }, `${name} `, input, " ", shown), input };
  }

  function percent(share) {
    return `${(100 * share).toFixed(1)}%`;
  }

  /** A row for each digit: its probability as a bar and as a number. */
  function makeTable() {
    const table = element("table", { className: "part-table" });
    table.append(element("caption", { textContent: "Probabilities" }));
    const rows = Array.from({ length: 10 }, (_, digit) => {
      const bar = element("span", { className: "part-bar" });
      const number = element("td", { className: "part-number", textContent: "–" });
      const head = element("th", { scope: "row", textContent: String(digit) });
      table.append(element("tr", {}, head, element("td", { ariaHidden: "true" }, bar), number));
      return { bar, number };
    });
    table.show = (probabilities) => {
      rows.forEach(({ bar, number }, digit) => {
        const share = probabilities ? probabilities[digit] : 0;
        bar.style.width = `${100 * share}%`;
        number.textContent = probabilities ? percent(share) : "–";
      });
    };
    return table;
  }

  /** Paint values in the gray of ink: from `least`, white, to `most`, black. */
  function paintInk(canvas, values, columns, most = 255) {
    paint(canvas, values, columns, (value) => {
      const gray = Math.round(255 * (1 - Math.min(Math.max(value / most, 0), 1)));
      return [gray, gray, gray];
    });
  }

  const ZERO = 128; // in the middle between white and black, as in the plots of weights

  /** Return the largest of the values, whatever their signs. */
  function largest(values) {
    return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  }

  /** Paint values with a sign: 0 is gray, `most` is black, and minus `most` is white. */
  function paintSigned(canvas, values, columns, most = largest(values)) {
    paint(canvas, values, columns, (value) => {
      const share = most ? Math.min(Math.max(value / most, -1), 1) : 0;
      const gray = Math.round(ZERO - share * (share < 0 ? 255 - ZERO : ZERO));
      return [gray, gray, gray];
    });
  }

  /** Give each value a square of whole pixels, in rows of `columns`. */
  function paint(canvas, values, columns, color) {
    const size = Math.floor(canvas.width / columns);
    const pen = canvas.getContext("2d");
    values.forEach((value, i) => {
      const [red, green, blue] = color(value);
      pen.fillStyle = `rgb(${red} ${green} ${blue})`;
      pen.fillRect((i % columns) * size, Math.floor(i / columns) * size, size, size);
    });
  }

  Object.assign(globalThis.mnistCourse, {
    element,
    button,
    slider,
    percent,
    makeTable,
    largest,
    paintInk,
    paintSigned,
  });
})();
