/* A sheet of paper to draw on, and beside it the 28 x 28 pixels that the network sees. */
(function () {
  "use strict";

  const { element, button, slider, paintInk, prepare, load, loadImages } = globalThis.mnistCourse;
  const SIDE = 28;
  const PAPER = 280;
  const MOST_UNDONE = 30;
  const FAINT = 0.35; // how dark the ink of a test image is on the paper
  const PHOTO_SIDE = 2000; // pixels; more would keep a phone busy for seconds, and end in 20 all the same

  /**
   * A sheet of paper: strokes of a pen, on a canvas. `remember` is called before a stroke begins,
   * `changed` is told whether the pen is up.
   */
  function makePaper(remember, changed) {
    const canvas = element("canvas", { className: "pad-paper", width: PAPER, height: PAPER });
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", "Paper to draw on with mouse, pen or finger");
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    const paper = { canvas, strokes: [], photo: null, traced: null, width: 20 };
    let stroke = null;
    let waiting = false;

    function position(event) {
      const box = canvas.getBoundingClientRect();
      const scale = PAPER / box.width;
      return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
    }

    paper.show = () => {
      pen.fillStyle = "white";
      pen.fillRect(0, 0, PAPER, PAPER);
      if (paper.traced) {
        trace(paper.traced);
      }
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
    /** Show pixels that nobody drew here, such as a test image, faintly; the first stroke replaces them. */
    function trace(pixels) {
      const side = PAPER / SIDE;
      pixels.forEach((ink, i) => {
        pen.fillStyle = `rgb(0 0 0 / ${(FAINT * ink) / 255})`;
        pen.fillRect((i % SIDE) * side, Math.floor(i / SIDE) * side, side, side);
      });
    }
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
    /** Replace what is on the paper; a pen that is still down draws no further. */
    paper.put = (strokes, photo) => {
      stroke = null;
      Object.assign(paper, { strokes, photo, traced: null });
      paper.show();
    };

    canvas.addEventListener("pointerdown", (event) => {
      if (stroke || event.button > 0) {
        return;
      }
      event.preventDefault();
      canvas.setPointerCapture(event.pointerId);
      remember();
      paper.traced = null;
      stroke = { id: event.pointerId, points: [position(event)], width: paper.width };
      paper.strokes.push(stroke);
      paper.show();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (stroke && event.pointerId === stroke.id) {
        stroke.points.push(position(event));
        paper.show();
        // What is drawn is read once for each picture that the screen shows.
        if (!waiting) {
          waiting = true;
          requestAnimationFrame(() => {
            waiting = false;
            changed(stroke === null);
          });
        }
      }
    });
    // However a stroke ends, the pointer is released; not every end is told as pointerup.
    canvas.addEventListener("lostpointercapture", (event) => {
      if (stroke && event.pointerId === stroke.id) {
        stroke = null;
        changed(true);
      }
    });
    paper.show();
    return paper;
  }

  /** The 28 x 28 pixels that the network sees; they can be changed with the keyboard, too. */
  function makeGrid(title, remember, changed) {
    const canvas = element("canvas", { className: "pad-grid", width: SIDE * 10, height: SIDE * 10 });
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute(
      "aria-label",
      `${title}: 28 by 28 pixels. Arrow keys move, space puts ink or takes it away.`,
    );
    const pen = canvas.getContext("2d");
    const said = element("p", { className: "visually-hidden" });
    said.setAttribute("aria-live", "polite");
    const grid = { canvas, said, pixels: new Uint8Array(SIDE * SIDE) };
    let [row, column] = [SIDE / 2, SIDE / 2];

    grid.show = () => {
      paintInk(canvas, grid.pixels, SIDE);
      if (document.activeElement === canvas) {
        pen.lineWidth = 2;
        pen.strokeStyle = "white";
        pen.strokeRect(column * 10 + 1, row * 10 + 1, 8, 8);
        pen.strokeStyle = "black";
        pen.strokeRect(column * 10 - 1, row * 10 - 1, 12, 12);
      }
    };
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    canvas.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) {
        return; // the browser's: Alt and an arrow key turn pages
      }
      const at = () => row * SIDE + column;
      if (event.key in moves) {
        const [down, right] = moves[event.key];
        row = Math.min(Math.max(row + down, 0), SIDE - 1);
        column = Math.min(Math.max(column + right, 0), SIDE - 1);
      } else if (event.key === " ") {
        remember();
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

  /** Read a file; large photos are made smaller. Throws if it is no picture. */
  async function openPhoto(file) {
    const photo = await createImageBitmap(file);
    const scale = PHOTO_SIDE / Math.max(photo.width, photo.height);
    return scale < 1
      ? createImageBitmap(photo, { resizeWidth: Math.round(scale * photo.width), resizeQuality: "high" })
      : photo;
  }

  /**
   * Make the paper, the grid and their tools.
   *
   * @param {function(?Uint8Array, boolean)} changed - Told the 784 pixels that the network sees,
   *   null if there is no ink, and whether the reader is done for now or still drawing.
   * @param {string} title - Of the 28 x 28 pixels.
   * @returns {object} `paper`, `grid` and `tools`, to be put on the page, and `showTestImage(which)`,
   *   for a place that is not to begin empty; without a number, it shows the next one.
   */
  function makePad(changed, title = "The network sees") {
    const notice = element("p", { className: "pad-notice", role: "alert" });
    const tell = (sentence) => {
      notice.closest("details")?.setAttribute("open", "");
      notice.textContent = sentence;
    };
    const read = (done) => {
      grid.show();
      if (!paper.strokes.length && !paper.photo) {
        paper.traced = grid.pixels;
        paper.show();
      }
      changed(grid.pixels.some(Boolean) ? grid.pixels : null, done);
    };
    const look = (done) => {
      notice.textContent = "";
      grid.pixels = prepare(paper.picture()) || new Uint8Array(SIDE * SIDE);
      read(done);
    };
    // What was on the paper and in the pixels before each change: undo takes back whatever was done.
    const past = [];
    const remember = () => {
      past.push({ strokes: [...paper.strokes], photo: paper.photo, pixels: grid.pixels.slice() });
      past.splice(0, past.length - MOST_UNDONE);
    };
    const put = ({ strokes, photo, pixels }) => {
      notice.textContent = "";
      paper.put(strokes, photo);
      grid.pixels = pixels;
      read(true);
    };
    const replace = (pixels) => {
      remember();
      put({ strokes: [], photo: null, pixels });
    };
    const paper = makePaper(remember, look);
    const grid = makeGrid(title, remember, () => read(true));

    const open = async (chosen) => {
      let photo;
      try {
        photo = await openPhoto(chosen);
      } catch {
        tell(`${chosen.name} is no picture that the browser can read; expected PNG or JPEG.`);
        return;
      }
      remember();
      paper.put([], photo);
      look(true);
      if (!grid.pixels.some(Boolean)) {
        tell(`${chosen.name} has no ink on it; expected one digit, dark on light or light on dark.`);
      }
    };
    const file = element("input", { type: "file", accept: "image/*" });
    file.addEventListener("change", () => file.files[0] && open(file.files[0]));
    // Anywhere on the page: a browser shows a file that misses the paper, and leaves the page for it.
    document.addEventListener("dragover", (event) => {
      if (event.dataTransfer.types.includes("Files")) {
        event.preventDefault();
      }
    });
    document.addEventListener("drop", (event) => {
      if (event.dataTransfer.files[0]) {
        event.preventDefault();
        open(event.dataTransfer.files[0]);
      }
    });

    let shown = -1;
    const showTestImage = async (which) => {
      await load("images.js");
      const { images } = await loadImages();
      shown = (which ?? shown + 1) % images.length;
      replace(Uint8Array.from(images[shown]));
    };
    const pen = slider("Width of the pen", { min: 8, max: 40, value: paper.width }, (width) => {
      paper.width = width;
    });
    const pens = element("div", { className: "pad-pens" });
    pens.append(
      button("Undo", () => past.length && put(past.pop())),
      button("Clear", () => replace(new Uint8Array(SIDE * SIDE))),
      button("Show a test image", () =>
        showTestImage().catch(({ message }) => tell(`${message} Try again.`)),
      ),
    );
    const tools = element(
      "div",
      { className: "pad-tools" },
      pen.label,
      element("label", {}, "Open a picture ", file),
      notice,
    );
    read(true);
    return {
      paper: element("div", {}, element("p", { textContent: "Draw here" }), paper.canvas, pens),
      grid: element("div", {}, element("p", { textContent: title }), grid.canvas, grid.said),
      tools,
      showTestImage,
    };
  }

  globalThis.mnistCourse.makePad = makePad;
})();
