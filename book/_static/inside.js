/* Look inside the network while it reads: every neuron, what it looks for, and whom it tells. */
(function () {
  "use strict";

  const { element, percent, largest, paintInk, paintSigned, makePad, columnOf } = globalThis.mnistCourse;
  const { load, loadImages, loadNetwork, fill } = globalThis.mnistCourse;
  const SIDE = 28;
  const COLUMNS = 32;
  const FEW = 16; // columns of a small layer, whose neurons would else be too small for a finger
  const EXCITING = 4;

  function columnsOf(units) {
    return units > COLUMNS ? COLUMNS : Math.min(units, FEW);
  }

  /** Let the network read all images, a few at a time, so that the page stays awake. */
  async function readAll(network, images) {
    const values = [];
    for (const image of images) {
      values.push(network.predict(image).layers);
      if (values.length % 20 === 0) {
        await new Promise((resume) => setTimeout(resume));
      }
    }
    return values;
  }

  /**
   * A layer as a strip of squares, one for each neuron.
   *
   * @param {function(?number)} look - Told which neuron the mouse is over; null when it leaves.
   * @param {function(number, boolean)} choose - Told which neuron was chosen, and whether by keyboard.
   */
  function makeStrip(name, units, look, choose) {
    const columns = columnsOf(units);
    const size = Math.floor(448 / columns);
    const canvas = element("canvas", { className: "inside-strip", width: size * columns });
    canvas.height = size * Math.ceil(units / columns);
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", `${name}. Arrow keys go from neuron to neuron.`);
    const strip = { canvas, caption: element("p", { className: "inside-caption" }), chosen: 0 };

    const pick = (unit, byKeyboard = false) => {
      if (unit !== null) {
        strip.chosen = unit;
        choose(unit, byKeyboard);
      }
    };
    const unitAt = (event) => {
      const box = canvas.getBoundingClientRect();
      const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
      const row = Math.floor(((event.clientY - box.top) / box.height) * (canvas.height / size));
      const unit = row * columns + column;
      return column >= 0 && column < columns && unit >= 0 && unit < units ? unit : null;
    };
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
      // With Alt, Control or Command, the browser's: Alt and an arrow key turn pages.
      if (step && !(event.altKey || event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        const unit = strip.chosen + step;
        pick(unit >= 0 && unit < units ? unit : strip.chosen, true);
      }
    });
    canvas.addEventListener("focus", () => pick(strip.chosen, true));
    // A finger that moves the page up or down chooses nothing.
    canvas.addEventListener("mousedown", (event) => pick(unitAt(event)));
    canvas.addEventListener("pointermove", (event) => {
      const sideways = Math.abs(event.movementX) > Math.abs(event.movementY);
      if (!event.buttons) {
        look(unitAt(event));
      } else if (sideways || event.pointerType === "mouse") {
        pick(unitAt(event));
      }
    });
    canvas.addEventListener("pointerleave", () => look(null));

    strip.show = (values, marked) => {
      paintInk(canvas, values, columns, largest(values));
      const pen = canvas.getContext("2d");
      if (units === 10) {
        writeDigits(pen, values, size);
      }
      if (marked !== null) {
        ring(pen, (marked % columns) * size, Math.floor(marked / columns) * size, size);
      }
    };
    return strip;
  }

  function writeDigits(pen, values, size) {
    const most = largest(values);
    pen.font = `${Math.round(size / 2)}px sans-serif`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    values.forEach((value, digit) => {
      pen.fillStyle = value > most / 2 ? "white" : "black";
      pen.fillText(digit, (digit + 0.5) * size, size / 2);
    });
  }

  /** Mark a square so that it is seen on white and on black. */
  function ring(pen, x, y, size) {
    pen.lineWidth = 2;
    pen.strokeStyle = "white";
    pen.strokeRect(x + 3, y + 3, size - 6, size - 6);
    pen.strokeStyle = "black";
    pen.strokeRect(x + 1, y + 1, size - 2, size - 2);
  }

  function makePicture(side) {
    const canvas = element("canvas", { className: "inside-picture", width: side, height: side });
    canvas.setAttribute("role", "img");
    const caption = element("figcaption");
    return { canvas, caption, figure: element("figure", {}, canvas, caption) };
  }

  /** What is known of one neuron. */
  function makeDetails(network) {
    const title = element("p", { className: "inside-title" });
    const looksFor = makePicture(SIDE * 5);
    const counted = makePicture(SIDE * 5);
    const exciting = Array.from({ length: EXCITING }, () => makePicture(SIDE * 2));
    const excitedBy = element("figcaption");
    const album = element(
      "figure",
      { className: "inside-album" },
      element("div", {}, ...exciting.map(({ canvas }) => canvas)),
      excitedBy,
    );
    const tells = element("canvas", { className: "inside-strip" });
    tells.setAttribute("role", "img");
    const toWhom = element("p", { className: "inside-caption" });
    const told = element("p", { className: "inside-caption" });
    let known = null;
    let shown = [];

    const showExciting = (layer, unit) => {
      if (!known) {
        exciting.forEach(({ canvas }) => (canvas.hidden = true));
        excitedBy.textContent = "Reading test images …";
        return;
      }
      const values = known.values.map((layers) => layers[layer][unit]);
      const order = [...values.keys()].sort((a, b) => values[b] - values[a]).slice(0, EXCITING);
      const digits = order.map((image) => known.labels[image]).join(", ");
      order.forEach((image, place) => {
        const { canvas } = exciting[place];
        paintInk(canvas, known.images[image], SIDE);
        canvas.setAttribute("aria-label", `A handwritten ${known.labels[image]}`);
      });
      const means = Array.from({ length: 10 }, (_, digit) => {
        const said = values.filter((_, image) => known.labels[image] === digit);
        return said.reduce((sum, value) => sum + value, 0) / said.length;
      });
      const [first, second] = [...means.keys()].sort((a, b) => means[b] - means[a]);
      excitedBy.textContent = values[order[0]] > 0
        ? `What excites it most of ${values.length} test images: ${digits}. On average it says most to ` +
          `a ${first} (${means[first].toFixed(2)}), then to a ${second} (${means[second].toFixed(2)}).`
        : `None of ${values.length} test images wakes it.`;
      exciting.forEach(({ canvas }) => (canvas.hidden = !(values[order[0]] > 0)));
    };

    const showConnections = (layer, unit) => {
      const next = network.layers[layer + 1];
      tells.hidden = toWhom.hidden = !next;
      if (!next) {
        told.textContent = "It tells nobody: softmax turns its value into the probability of its digit.";
        return;
      }
      const weights = columnOf(next, unit);
      const columns = columnsOf(weights.length);
      const size = Math.floor(448 / columns);
      tells.width = columns * size;
      tells.height = size * Math.ceil(weights.length / columns);
      paintSigned(tells, weights, columns);
      const order = [...weights.keys()].sort((a, b) => weights[b] - weights[a]);
      const last = layer + 2 === network.layers.length;
      const names = (units) => units.map((i) => (last ? i : i + 1)).join(", ");
      toWhom.textContent = `Its connections to ${last ? "the ten digits" : `layer ${layer + 2}`}`;
      told.textContent =
        `It speaks most for ${last ? "the digits" : "neurons"} ${names(order.slice(0, 3))} (dark), ` +
        `and most against ${names(order.slice(-3).reverse())} (light).`;
      tells.setAttribute("aria-label", `${toWhom.textContent}. ${told.textContent}`);
    };

    const details = { element: element("div", { className: "inside-details" }), sentence: "" };
    details.element.append(
      title,
      element("div", { className: "inside-figures" }, looksFor.figure, counted.figure, album),
      toWhom,
      tells,
      told,
    );
    details.know = (all) => {
      known = all;
      shown = [];
    };
    details.show = (pixels, answer, layer, unit) => {
      const count = network.layers[layer].scales.length;
      const output = layer + 1 === network.layers.length;
      const value = answer.layers[layer][unit].toFixed(2);
      const name = output ? `Neuron for the digit ${unit}` : `Layer ${layer + 1}, neuron ${unit + 1} of ${count}`;
      const asleep = !output && !(answer.layers[layer][unit] > 0);
      details.sentence = asleep
        ? `${name}: silent, ReLU has made its sum 0.`
        : `${name}: says ${value}${output ? `, which makes ${percent(answer.probabilities[unit])}` : ""}.`;
      title.textContent = details.sentence;
      const slopes = network.gradient(pixels, layer, unit);
      paintSigned(looksFor.canvas, slopes, SIDE);
      looksFor.caption.textContent = layer
        ? "What it looks for in this picture, through all who report to it: ink on dark, none on light."
        : "Its 28 × 28 weights: it wants ink on dark, none on light.";
      const products = slopes.map((slope, i) => (slope * pixels[i]) / 255);
      paintSigned(counted.canvas, products, SIDE);
      counted.caption.textContent = "What counted now: dark ink spoke for it, light ink against it.";
      for (const { canvas, caption } of [looksFor, counted]) {
        canvas.setAttribute("aria-label", caption.textContent);
      }
      // These do not depend on the picture, which changes with every move of the pen.
      if (shown[0] !== layer || shown[1] !== unit) {
        showExciting(layer, unit);
        showConnections(layer, unit);
        shown = [layer, unit];
      }
    };
    return details;
  }

  fill.inside = async (place) => {
    const network = await loadNetwork();
    await load("images.js");
    const { images, labels } = await loadImages();
    const last = network.layers.length - 1;
    const verdict = element("p", { className: "part-verdict", role: "status" });
    const said = element("p", { className: "visually-hidden", role: "status" });
    const details = makeDetails(network);
    let pixels = new Uint8Array(SIDE * SIDE);
    let answer = network.predict(pixels);
    let chosen = [0, 0];
    let lookedAt = null;

    const strips = network.layers.map(({ scales }, i) => {
      const units = scales.length;
      const name = i === last ? "The ten digits" : `Layer ${i + 1}: ${units} neurons`;
      const look = (unit) => {
        lookedAt = unit === null ? null : [i, unit];
        show();
      };
      const choose = (unit, byKeyboard) => {
        [chosen, lookedAt] = [[i, unit], null];
        show();
        if (byKeyboard) {
          said.textContent = details.sentence;
        }
      };
      return makeStrip(name, units, look, choose);
    });
    const show = () => {
      const [layer, unit] = lookedAt || chosen;
      strips.forEach((strip, i) => {
        const values = i === last ? answer.probabilities : answer.layers[i];
        strip.show(values, i === layer ? unit : null);
        const awake = values.filter((value) => value > 0).length;
        strip.caption.textContent =
          i === last
            ? "Ten digits: the darker, the more probable"
            : `Layer ${i + 1}: ${awake} of ${values.length} neurons awake`;
      });
      details.show(pixels, answer, layer, unit);
    };
    const pad = makePad((drawn, done) => {
      pixels = drawn || new Uint8Array(SIDE * SIDE);
      answer = network.predict(pixels);
      show();
      if (done) {
        verdict.textContent = drawn
          ? `Model prediction: ${answer.digit}, with ${percent(answer.probabilities[answer.digit])}.`
          : "Draw a digit. On empty paper, only the biases speak.";
      }
    });
    await pad.showTestImage();
    const strongest = answer.layers[0].indexOf(largest(answer.layers[0]));
    strips[0].chosen = strongest;
    chosen = [0, strongest];
    show();
    place.replaceChildren(
      verdict,
      element("div", { className: "pad-pictures" }, pad.paper, pad.grid),
      ...strips.flatMap(({ canvas, caption }) => [caption, canvas]),
      details.element,
      pad.tools,
      said,
    );
    details.know({ images, labels, values: await readAll(network, images) });
    show();
  };
})();
