/* Play back the training that `mnist-course export-replay` has recorded in replay_data.js. */
(function () {
  "use strict";

  const { element, button, slider, percent, paintInk, paintSigned, unpack, load, fill } =
    globalThis.mnistCourse;
  const here = document.currentScript.src;
  const MEGABYTES = 0.35; // what replay_data.js takes
  const SIDE = 28;
  const DIGITS = [...Array(10).keys()];
  const STRONG = 64; // half of a neuron's largest weight gets the full shade, or few would have any
  const REST = 500; // milliseconds without a move, after which the slider has come to rest
  const PACE = 300; // milliseconds for an epoch
  const PICTURED = 10; // the epoch of the picture that is shown before
  const GROUPS = {
    first: "The first validation image of each digit",
    undecided: "The most undecided one of each digit",
    stubborn: "The most stubborn mistakes",
  };

  /** Unpack all that was recorded; every list has an entry for each epoch, 0 is before the first. */
  async function open({ about, curves, digits, labels, ...packed }) {
    const [confusion, weights, images, predictions, probabilities] = await Promise.all(
      ["confusion", "weights", "images", "predictions", "probabilities"].map((name) => unpack(packed[name])),
    );
    const moments = curves.loss.length;
    const slices = (values) => {
      const size = values.length / moments;
      return Array.from({ length: moments }, (_, epoch) => values.subarray(epoch * size, (epoch + 1) * size));
    };
    const sums = new Int8Array(weights);
    const count = sums.length / moments;
    for (let i = count; i < sums.length; i++) {
      sums[i] += sums[i - count]; // only the differences between epochs were recorded
    }
    return {
      about,
      curves,
      digits,
      labels,
      images: labels.map((_, i) => new Uint8Array(images, SIDE * SIDE * i, SIDE * SIDE)),
      confusion: slices(new Uint16Array(confusion)),
      weights: slices(sums),
      predictions: slices(new Uint8Array(predictions)),
      probabilities: slices(new Uint8Array(probabilities)),
    };
  }

  function moment(epoch) {
    return epoch ? `After epoch ${epoch}` : "Before training";
  }

  function describe({ about, curves, labels, predictions }, epoch) {
    const right = percent(curves.val_accuracy[epoch]);
    const images = about.validation_images.toLocaleString("en-US");
    const loss = curves.val_loss[epoch].toFixed(3);
    const result = `${moment(epoch)}: ${right} of ${images} validation images right, loss ${loss}.`;
    if (!epoch) {
      return result;
    }
    const changed = labels.filter((_, i) => predictions[epoch][i] !== predictions[epoch - 1][i]).length;
    return `${result} Read differently than one epoch before: ${changed} of ${labels.length} digits.`;
  }

  const PLOT = { left: 44, right: 262, top: 10, bottom: 138, width: 340, height: 174 };
  const CHARTS = {
    loss: { step: 0.05, mark: (value) => value.toFixed(2), words: (value) => value.toFixed(4) },
    accuracy: { step: 0.02, mark: (value) => `${Math.round(100 * value)}%`, words: percent },
  };

  function draw(tag, attributes, text = "") {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
    made.textContent = text;
    return made;
  }

  /** Return round marks from below the least of the values to above the most of them. */
  function roundMarks(values, step) {
    const [first, last] = [Math.floor(Math.min(...values) / step), Math.ceil(Math.max(...values) / step)];
    return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
  }

  /** Say in words what the curves look like. */
  function summarize(lines, words) {
    return Object.entries(lines)
      .map(([line, [before, ...values]]) => {
        const range = `between ${words(Math.min(...values))} and ${words(Math.max(...values))}`;
        return `${line}: ${words(before)} before, then ${range}, at last ${words(values.at(-1))}.`;
      })
      .join(" ");
  }

  /** Draw the axes; return a place for a word on what is off the chart. */
  function drawAxes(chart, { across, up, epochs, marks, mark }) {
    for (const value of marks) {
      chart.append(
        draw("path", { class: "replay-grid", d: `M${PLOT.left},${up(value)}H${PLOT.right}` }),
        draw("text", { x: PLOT.left - 5, y: up(value) + 4, "text-anchor": "end" }, mark(value)),
      );
    }
    for (let epoch = 0; epoch <= epochs; epoch += 10) {
      chart.append(draw("text", { x: across(epoch), y: PLOT.bottom + 16, "text-anchor": "middle" }, epoch));
    }
    const below = { x: across(epochs / 2), y: PLOT.height - 4, "text-anchor": "middle" };
    const far = draw("text", { x: PLOT.right, y: PLOT.bottom - 24, "text-anchor": "end" });
    chart.append(draw("text", below, "epoch"), far);
    return far;
  }

  /** A chart of the training curve, solid, and the validation curve, dashed. */
  function makeChart(curves, name) {
    const { step, mark, words } = CHARTS[name];
    const lines = { training: curves[name], validation: curves[`val_${name}`] };
    const epochs = curves[name].length - 1;
    // Next to how bad the untrained network is, nothing else would be seen.
    const marks = roundMarks(Object.values(lines).flatMap((values) => values.slice(1)), step);
    const [least, most] = [marks[0], marks.at(-1)];
    const across = (epoch) => PLOT.left + (epoch / epochs) * (PLOT.right - PLOT.left);
    const up = (value) => PLOT.bottom - ((value - least) / (most - least)) * (PLOT.bottom - PLOT.top);
    const title = name[0].toUpperCase() + name.slice(1);
    const chart = draw("svg", { viewBox: `0 0 ${PLOT.width} ${PLOT.height}`, role: "img" });
    chart.setAttribute("aria-label", `${title} over ${epochs} epochs. ${summarize(lines, words)}`);
    const far = drawAxes(chart, { across, up, epochs, marks, mark });
    const pointer = draw("path", { class: "replay-pointer" });
    chart.append(pointer);
    const dots = Object.entries(lines).map(([line, values]) => {
      const path = values.slice(1).map((value, i) => `${across(i + 1)},${up(value)}`).join("L");
      const dot = draw("circle", { class: `replay-dot replay-${line}`, r: 4.5 });
      chart.append(
        draw("path", { class: `replay-line replay-${line}`, d: `M${path}` }),
        draw("text", { x: PLOT.right + 8, y: up(values.at(-1)) + 4 }, line),
        dot,
      );
      return dot;
    });
    const caption = element("figcaption");
    const show = (epoch) => {
      const values = Object.values(lines).map((line) => line[epoch]);
      pointer.setAttribute("d", `M${across(epoch)},${PLOT.top}V${PLOT.bottom}`);
      dots.forEach((dot, i) => {
        dot.setAttribute("cx", across(epoch));
        dot.setAttribute("cy", up(values[i]));
        dot.setAttribute("visibility", epoch ? "visible" : "hidden");
      });
      caption.textContent = `${title}: training ${words(values[0])}, validation ${words(values[1])}`;
      far.textContent = epoch ? "" : "before training: far off the chart";
    };
    return { figure: element("figure", { className: "replay-chart" }, caption, chart), show };
  }

  function makeCharts({ curves }) {
    const charts = Object.keys(CHARTS).map((name) => makeChart(curves, name));
    return {
      part: element("div", { className: "replay-charts" }, ...charts.map(({ figure }) => figure)),
      show: (epoch) => charts.forEach((chart) => chart.show(epoch)),
    };
  }

  /** A card for each digit: what it is, its picture, and what the network reads. */
  function makeCards({ digits, labels, images, predictions, probabilities }) {
    const cards = labels.map((label, i) => {
      const canvas = element("canvas", { width: 2 * SIDE, height: 2 * SIDE, role: "img" });
      paintInk(canvas, images[i], SIDE);
      const [read, share] = [element("span"), element("span")];
      const lines = element("span", { ariaHidden: "true" }, read, share);
      const truth = element("span", { ariaHidden: "true", textContent: `a ${label}` });
      return { card: element("li", {}, truth, canvas, lines), canvas, read, share };
    });
    const show = (epoch) => {
      cards.forEach(({ card, canvas, read, share }, i) => {
        const digit = predictions[epoch][i];
        const before = epoch ? predictions[epoch - 1][i] : digit;
        const right = digit === labels[i];
        card.dataset.read = right ? "right" : "wrong";
        read.textContent = `${before === digit ? "" : `${before}→`}${digit} ${right ? "✓" : "✗"}`;
        share.textContent = `${Math.round((100 * probabilities[epoch][10 * i + digit]) / 255)}%`;
        const change = before === digit ? "" : `, as a ${before} one epoch before`;
        const said = `${right ? "rightly" : "wrongly"} read as a ${digit} with ${share.textContent}${change}`;
        canvas.setAttribute("aria-label", `a handwritten ${labels[i]}, ${said}`);
      });
    };
    let start = 0;
    const groups = Object.entries(GROUPS).map(([group, title]) => {
      const chosen = cards.slice(start, (start += digits[group].length));
      const list = element("ul", { className: "replay-cards" }, ...chosen.map(({ card }) => card));
      return element("figure", {}, element("figcaption", { textContent: title }), list);
    });
    const note = element("p", { className: "part-note" });
    note.textContent =
      "Under each digit: what the network reads, and how sure it is. 1→7: one epoch before, it read a 1. " +
      "Double frame: wrong.";
    return { part: element("div", {}, note, ...groups), show };
  }

  function makeWeights({ weights }) {
    const size = SIDE * SIDE;
    const pictures = Array.from({ length: weights[0].length / size }, () =>
      element("canvas", { width: 2 * SIDE, height: 2 * SIDE }),
    );
    const show = (epoch) => {
      pictures.forEach((canvas, i) => {
        paintSigned(canvas, weights[epoch].subarray(i * size, (i + 1) * size), SIDE, STRONG);
      });
    };
    const album = element("div", { className: "replay-weights", role: "img" }, ...pictures);
    album.setAttribute("aria-label", `The weights of ${pictures.length} neurons, as pictures of 28 by 28 pixels`);
    const caption = element("figcaption", {
      textContent:
        "Every sixteenth neuron of the first layer, by its weights. Gray: 0. Darker: ink here excites " +
        "it. Lighter: ink here silences it.",
    });
    return { part: element("figure", {}, caption, album), show };
  }

  function makeConfusion({ confusion }) {
    const isMistake = (_, i) => i % 11 > 0; // the others are on the diagonal
    // What the untrained network mistakes would leave all others pale: it has a scale of its own.
    const most = Math.max(...confusion.slice(1).flatMap((counts) => [...counts].filter(isMistake)));
    const table = element("table", { className: "replay-confusion" });
    const caption = element("caption", {
      textContent:
        "Validation images by what they are (row) and what they are read as (column). Framed: right. " +
        "Shaded: mistakes, the more the stronger.",
    });
    const heads = DIGITS.map((digit) => element("th", { scope: "col", textContent: digit }));
    table.append(caption, element("tr", {}, element("td"), ...heads));
    const cells = DIGITS.flatMap((row) => {
      const made = DIGITS.map(() => element("td"));
      table.append(element("tr", {}, element("th", { scope: "row", textContent: row }), ...made));
      made[row].className = "replay-right";
      return made;
    });
    const show = (epoch) => {
      const scale = Math.max(most, ...confusion[epoch].filter(isMistake));
      cells.forEach((cell, i) => {
        const count = confusion[epoch][i];
        cell.textContent = count;
        cell.classList.toggle("replay-none", count === 0);
        if (isMistake(count, i)) {
          const share = Math.sqrt(count / scale);
          cell.style.backgroundColor = `rgb(128 128 128 / ${Math.round(60 * share)}%)`;
        }
      });
    };
    return { part: table, show };
  }

  /** The slider, and the button that moves it. */
  function makeBar(last, changed) {
    const epochs = slider("Epoch", { min: 0, max: last, value: 0 }, changed);
    const go = (epoch) => {
      epochs.input.value = epoch;
      epochs.input.dispatchEvent(new Event("input"));
    };
    const next = () => go(Number(epochs.input.value) < last ? Number(epochs.input.value) + 1 : 0);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      return { part: bar(button("Next epoch", next), epochs.label), input: epochs.input };
    }
    let playing = null;
    const pause = () => {
      clearInterval(playing);
      playing = null;
      play.textContent = "Play";
    };
    const play = button("Play", () => {
      if (playing) {
        pause();
        return;
      }
      play.textContent = "Pause";
      next();
      playing = setInterval(() => {
        next();
        if (Number(epochs.input.value) === last) {
          pause();
        }
      }, PACE);
    });
    // Who moves the slider takes over.
    epochs.input.addEventListener("input", (event) => event.isTrusted && pause());
    return { part: bar(play, epochs.label), input: epochs.input };
  }

  function bar(...tools) {
    return element("div", { className: "replay-bar pad-tools" }, ...tools);
  }

  function makeReplay(replay) {
    const sentence = element("p", { className: "part-verdict" });
    const said = element("p", { className: "visually-hidden", role: "status" });
    const parts = [makeCharts, makeCards, makeWeights, makeConfusion].map((make) => make(replay));
    const [charts, cards, weights, confusion] = parts.map(({ part }) => part);
    let rest = null;
    const show = (epoch) => {
      parts.forEach((part) => part.show(epoch));
      sentence.textContent = describe(replay, epoch);
      clearTimeout(rest);
      rest = setTimeout(() => (said.textContent = sentence.textContent), REST);
    };
    const tools = makeBar(replay.curves.loss.length - 1, show);
    show(0);
    const below = element("div", { className: "replay-below" }, weights, confusion);
    return { part: [tools.part, sentence, said, charts, cards, below], input: tools.input };
  }

  /** Say that the picture of the page is one, and show a dark one where the page is dark. */
  function makeStill(picture) {
    const light = picture.querySelector("img") || picture;
    const dark = light.cloneNode();
    light.classList.add("only-light");
    Object.assign(dark, { className: "only-dark", loading: "lazy", src: new URL("replay_dark.png", here) });
    light.after(dark);
    const words = `A picture of the replay at epoch ${PICTURED}. Load it above to use it.`;
    return element(
      "figure",
      { className: "replay-still" },
      element("figcaption", { textContent: words }),
      picture,
    );
  }

  fill.replay = async (place) => {
    const still = makeStill(place.querySelector(".wide-picture, img"));
    const notice = element("div", { role: "alert" });
    await new Promise((resolve) => {
      const ask = () =>
        load("replay_data.js").then(resolve, ({ message }) => {
          notice.textContent = `${message} Try again.`;
        });
      place.replaceChildren(button(`Load the replay (${MEGABYTES} MB)`, ask), notice, still);
    });
    const { part, input } = makeReplay(await open(globalThis.mnistCourse.replayData));
    place.replaceChildren(...part);
    input.focus({ preventScroll: true });
  };
})();
