/* Draw a digit and watch the network read it.
 *
 * Fills each element with `data-draw-digit`; what stands in it until then is for readers without
 * scripts. Pictures are prepared by prepare.js and read by recognize.js, both loaded on demand.
 */
(function () {
  "use strict";

  const SIDE = 28;
  const PAPER = 280;
  const SCRIPTS = ["prepare.js", "recognize.js", "network.js"];
  const here = document.currentScript.src;

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

  function load(name) {
    return new Promise((resolve, reject) => {
      const script = element("script", { src: new URL(name, here).href });
      script.addEventListener("load", resolve);
      script.addEventListener("error", () => reject(new Error(`${name} could not be loaded.`)));
      document.head.append(script);
    });
  }

  /** A sheet of paper: strokes of a pen, on a canvas. */
  function makePaper(changed) {
    const canvas = element("canvas", { className: "draw-paper", width: PAPER, height: PAPER });
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", "Paper to draw on with mouse, pen or finger");
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    const paper = { canvas, strokes: [], photo: null, width: 20 };
    let stroke = null;

    function position(event) {
      const box = canvas.getBoundingClientRect();
      const scale = PAPER / box.width;
      return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
    }

    paper.show = () => {
      pen.fillStyle = "white";
      pen.fillRect(0, 0, PAPER, PAPER);
      if (paper.photo) {
        const scale = PAPER / Math.max(paper.photo.width, paper.photo.height);
        const [width, height] = [paper.photo.width * scale, paper.photo.height * scale];
        pen.drawImage(paper.photo, (PAPER - width) / 2, (PAPER - height) / 2, width, height);
      }
      pen.lineCap = pen.lineJoin = "round";
      for (const { points, width } of paper.strokes) {
        pen.lineWidth = width;
        pen.beginPath();
        pen.moveTo(...points[0]);
        // A single point is a dot.
        points.forEach(([x, y]) => pen.lineTo(x, y + 0.01));
        pen.stroke();
      }
    };
    paper.picture = () => {
      if (!paper.photo || paper.strokes.length) {
        return pen.getImageData(0, 0, PAPER, PAPER);
      }
      // A photo is read as it is: its size on the page must not matter.
      const { width, height } = paper.photo;
      const whole = element("canvas", { width, height }).getContext("2d");
      whole.drawImage(paper.photo, 0, 0);
      return whole.getImageData(0, 0, width, height);
    };
    paper.clear = () => {
      paper.strokes = [];
      paper.photo = null;
      paper.show();
      changed();
    };
    paper.undo = () => {
      paper.strokes.pop();
      paper.show();
      changed();
    };

    canvas.addEventListener("pointerdown", (event) => {
      if (stroke || event.button > 0) {
        return;
      }
      event.preventDefault();
      canvas.setPointerCapture(event.pointerId);
      stroke = { id: event.pointerId, points: [position(event)], width: paper.width };
      paper.strokes.push(stroke);
      paper.show();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (stroke && event.pointerId === stroke.id) {
        stroke.points.push(position(event));
        paper.show();
      }
    });
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (event) => {
        if (stroke && event.pointerId === stroke.id) {
          stroke = null;
          changed();
        }
      });
    }
    paper.show();
    return paper;
  }

  /** The 28 x 28 pixels that the network sees; they can be changed with the keyboard, too. */
  function makeGrid(changed) {
    const canvas = element("canvas", { className: "draw-grid", width: SIDE * 10, height: SIDE * 10 });
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute(
      "aria-label",
      "What the network sees, 28 by 28 pixels. Arrow keys move, space puts ink or takes it away.",
    );
    const pen = canvas.getContext("2d");
    const said = element("p", { className: "visually-hidden" });
    said.setAttribute("aria-live", "polite");
    const grid = { canvas, said, pixels: new Uint8Array(SIDE * SIDE) };
    let [row, column] = [SIDE / 2, SIDE / 2];

    grid.show = () => {
      grid.pixels.forEach((value, i) => {
        pen.fillStyle = `rgb(${255 - value} ${255 - value} ${255 - value})`;
        pen.fillRect((i % SIDE) * 10, Math.floor(i / SIDE) * 10, 10, 10);
      });
      if (document.activeElement === canvas) {
        pen.lineWidth = 2;
        pen.strokeStyle = "#d00000";
        pen.strokeRect(column * 10 + 1, row * 10 + 1, 8, 8);
      }
    };
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    canvas.addEventListener("keydown", (event) => {
      const at = () => row * SIDE + column;
      if (event.key in moves) {
        const [down, right] = moves[event.key];
        row = Math.min(Math.max(row + down, 0), SIDE - 1);
        column = Math.min(Math.max(column + right, 0), SIDE - 1);
      } else if (event.key === " ") {
        grid.pixels[at()] = grid.pixels[at()] > 127 ? 0 : 255;
        changed();
      } else {
        return;
      }
      event.preventDefault();
      said.textContent = `row ${row + 1}, column ${column + 1}: ${grid.pixels[at()] > 127 ? "ink" : "empty"}`;
      grid.show();
    });
    canvas.addEventListener("focus", grid.show);
    canvas.addEventListener("blur", grid.show);
    grid.show();
    return grid;
  }

  /** A row for each digit: its probability as a bar and as a number. */
  function makeTable() {
    const table = element("table", { className: "draw-table" });
    table.append(element("caption", { textContent: "Probabilities" }));
    const rows = Array.from({ length: 10 }, (_, digit) => {
      const bar = element("span", { className: "draw-bar" });
      const number = element("td", { className: "draw-number", textContent: "–" });
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

  function percent(share) {
    return `${(100 * share).toFixed(1)} %`;
  }

  function describe({ probabilities, digit, runnerUp, sure, looksLikeDigit }) {
    const second = `Second comes ${runnerUp} with ${percent(probabilities[runnerUp])}.`;
    if (!looksLikeDigit) {
      return `This does not look like a digit to the network. If it must choose: ${digit}.`;
    }
    if (!sure) {
      return `Not sure: ${digit} with ${percent(probabilities[digit])}. ${second}`;
    }
    return `Model prediction: ${digit}, with ${percent(probabilities[digit])}. ${second}`;
  }

  function explain({ accuracy_int8, images, sure_above, digits_passing, others_caught }) {
    return (
      `This network reads ${percent(accuracy_int8)} of ${images.toLocaleString("en-US")} test images. ` +
      `It is called sure from ${percent(sure_above)}: above that, 99.5 % of its answers on validation ` +
      `images are right. ${percent(digits_passing)} of the test images look like a digit to it; so do ` +
      `${percent(1 - others_caught)} of 500 letters, scribbles and frames.`
    );
  }

  async function fill(place) {
    await Promise.all(SCRIPTS.map(load));
    const { prepare, loadNetwork } = globalThis.mnistCourse;
    const network = await loadNetwork();
    const verdict = element("p", { className: "draw-verdict", role: "status" });
    const table = makeTable();

    const read = () => {
      grid.show();
      const answer = grid.pixels.some(Boolean) ? network.predict(grid.pixels) : null;
      table.show(answer && answer.probabilities);
      verdict.textContent = answer ? describe(answer) : "Draw a digit.";
    };
    const look = () => {
      grid.pixels = prepare(paper.picture()) || new Uint8Array(SIDE * SIDE);
      read();
    };
    const paper = makePaper(look);
    const grid = makeGrid(read);

    const open = async (file) => {
      try {
        paper.photo = await createImageBitmap(file);
      } catch {
        verdict.textContent = `${file.name} is no picture that the browser can read; expected PNG or JPEG.`;
        return;
      }
      paper.strokes = [];
      paper.show();
      look();
    };
    const file = element("input", { type: "file", accept: "image/*" });
    file.addEventListener("change", () => file.files[0] && open(file.files[0]));
    paper.canvas.addEventListener("dragover", (event) => event.preventDefault());
    paper.canvas.addEventListener("drop", (event) => {
      event.preventDefault();
      if (event.dataTransfer.files[0]) {
        open(event.dataTransfer.files[0]);
      }
    });

    const button = (text, action) => {
      const made = element("button", { type: "button", textContent: text });
      made.addEventListener("click", action);
      return made;
    };
    let shown = -1;
    const sample = () => {
      const { samples } = network;
      shown = (shown + 1) % samples.length;
      paper.clear();
      grid.pixels = Uint8Array.from(samples[shown]);
      read();
    };
    const width = element("input", { type: "range", min: 8, max: 40, value: paper.width });
    width.addEventListener("input", () => (paper.width = Number(width.value)));

    const pens = element("div", { className: "draw-tools" });
    pens.append(button("Undo", paper.undo), button("Clear", paper.clear));
    const tools = element(
      "div",
      { className: "draw-tools" },
      button("Show a test image", sample),
      element("label", {}, "Width of the pen ", width),
      element("label", {}, "Open a picture ", file),
    );
    const left = element("div", {}, element("p", { textContent: "Draw here" }), paper.canvas, pens);
    const right = element("div", {}, element("p", { textContent: "The network sees" }), grid.canvas, grid.said);
    const pictures = element("div", { className: "draw-pictures" }, left, right, table);
    const note = element("p", { className: "draw-note", textContent: explain(network.measured) });
    place.replaceChildren(verdict, pictures, tools, note);
    read();
  }

  function start() {
    document.querySelectorAll("[data-draw-digit]").forEach((place) => {
      fill(place).catch((error) => {
        place.prepend(element("p", { role: "alert", textContent: `Drawing does not work here: ${error.message}` }));
      });
    });
  }

  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", start);
  } else {
    start();
  }
})();
