/* Break a picture or the network, and watch what becomes of the prediction. */
(function () {
  "use strict";

  const { element, button, slider, percent, makeTable, paintInk, paintSigned } = globalThis.mnistCourse;
  const { makePad, makeNetwork, loadNetwork, loadImages, fill } = globalThis.mnistCourse;
  const { changePicture, silence, coarsen, whatMattered } = globalThis.mnistCourse;
  const SIDE = 28;
  const SEED = 0;
  const FIRST = 4; // the place of a 4, which a turn changes more than the 0 at the beginning
  const AT_ONCE = 10; // images, before the page gets its turn
  const PAUSE = 400; // milliseconds without a change: the reader is done
  const NINTHS = ["top left", "top", "top right", "left", "center", "right", "bottom left", "bottom", "bottom right"];

  /** Say how far, and to which side. */
  function aside(amount, unit, less, more) {
    return amount ? `${Math.abs(amount)}${unit} ${amount < 0 ? less : more}` : "none";
  }

  /** Make all that can be set; `read()` tells how it is set, `reset()` takes everything back. */
  function makeControls(units, changed) {
    const start = new Map();
    const add = (name, setting, words) => {
      const made = slider(name, { ...setting, words }, changed);
      start.set(made.input, setting.value);
      return made;
    };
    const noise = add("Noise", { min: 0, max: 100, value: 0 }, (share) =>
      share ? `${share}% of the pixels` : "none",
    );
    const right = add("Shift sideways", { min: -14, max: 14, value: 0 }, (amount) =>
      aside(amount, " px", "left", "right"),
    );
    const down = add("Shift up or down", { min: -14, max: 14, value: 0 }, (amount) =>
      aside(amount, " px", "up", "down"),
    );
    const degrees = add("Rotate", { min: -180, max: 180, step: 5, value: 0 }, (amount) =>
      aside(amount, "°", "counterclockwise", "clockwise"),
    );
    const inverted = element("input", { type: "checkbox" });
    const layer = element("select");
    layer.append(
      ...units.map((count, i) => element("option", { value: i, textContent: `${i + 1}, of ${count} neurons` })),
    );
    const silenced = add("Neurons silenced", { min: 0, max: 100, step: 5, value: 0 }, (share) => {
      const count = units[layer.value];
      return share ? `${share}%: ${Math.round((share / 100) * count)} of ${count}` : "none";
    });
    const bits = add("Bits per weight", { min: 2, max: 8, value: 8 }, (count) => `${count}: ${2 ** count - 1} levels`);

    const tell = (input) => input.dispatchEvent(new Event("input"));
    inverted.addEventListener("input", changed);
    // How many neurons a share is depends on the layer.
    layer.addEventListener("input", () => tell(silenced.input));

    const picture = element("fieldset", {}, element("legend", { textContent: "Break the picture" }));
    picture.append(noise.label, right.label, down.label, degrees.label);
    picture.append(element("label", {}, inverted, " Invert: ink and paper change places"));
    const network = element("fieldset", {}, element("legend", { textContent: "Break the network" }));
    network.append(element("label", {}, "Hidden layer ", layer), silenced.label, bits.label);
    const parts = element("div", { className: "break-controls" }, picture, network);

    const read = () => ({
      noise: noise.input.value / 100,
      right: Number(right.input.value),
      down: Number(down.input.value),
      degrees: Number(degrees.input.value),
      inverted: inverted.checked,
      layer: Number(layer.value),
      silenced: silenced.input.value / 100,
      bits: Number(bits.input.value),
    });
    const reset = () => {
      inverted.checked = false;
      layer.value = 0;
      for (const [input, value] of start) {
        input.value = value;
        tell(input);
      }
      parts.dispatchEvent(new Event("change"));
    };
    return { parts, read, reset };
  }

  function isBroken({ noise, right, down, degrees, inverted, silenced, bits }) {
    return [noise, right, down, degrees, inverted, silenced].some(Boolean) || bits < 8;
  }

  function breakNetwork({ layers, measured }, { layer, silenced, bits }) {
    return makeNetwork(coarsen(silence(layers, layer, silenced, SEED), bits), measured);
  }

  /** Count the test images that are read right, of how many; null if that is no longer `wanted`. */
  async function countRight(network, settings, wanted) {
    const { images, labels } = await loadImages();
    let right = 0;
    for (let i = 0; i < images.length; i++) {
      if (i % AT_ONCE === 0) {
        await new Promise((resume) => setTimeout(resume));
        if (!wanted()) {
          return null;
        }
      }
      // Each image has noise of its own: one pattern would prove as little as one picture.
      const changed = changePicture(images[i], { ...settings, seed: i });
      right += network.predict(changed).digit === labels[i];
    }
    return { right, of: images.length };
  }

  function makeCanvas() {
    const canvas = element("canvas", { className: "break-picture", width: SIDE * 10, height: SIDE * 10 });
    canvas.setAttribute("role", "img");
    return canvas;
  }

  function titled(title, canvas) {
    return element("div", {}, element("p", { textContent: title }), canvas);
  }

  /** Name the ninth of the picture where most of what is above 0 lies; null if nothing is. */
  function whereMost(values) {
    const sums = new Float64Array(NINTHS.length);
    values.forEach((value, i) => {
      const [row, column] = [Math.floor(i / SIDE), i % SIDE];
      sums[3 * Math.floor((3 * row) / SIDE) + Math.floor((3 * column) / SIDE)] += Math.max(value, 0);
    });
    const most = Math.max(...sums);
    return most > 0 ? NINTHS[sums.indexOf(most)] : null;
  }

  /** Say what a map of values shows. */
  function describeMap(values, digit) {
    const [speaking, against] = [values, values.map((value) => -value)].map(whereMost);
    const found = [
      speaking && `ink at the ${speaking} spoke for it most`,
      against && `ink at the ${against} spoke against it most`,
    ].filter(Boolean);
    return `Map of what mattered for reading this as ${digit}: ${found.join(", ") || "no pixel did"}.`;
  }

  function explainMap(digit) {
    return (
      `What mattered, dark: this ink spoke for the ${digit}; light: it spoke against it; ` +
      "gray: it did not matter, or there is none."
    );
  }

  function describeReading(before, now, broken) {
    const share = percent(now.probabilities[now.digit]);
    if (!broken) {
      return `Read as ${now.digit}, with ${share}. Now break it.`;
    }
    return now.digit === before.digit
      ? `Still read as ${now.digit}, with ${share}.`
      : `Broken: read as ${now.digit}, with ${share}; before, it was ${before.digit}.`;
  }

  function describeCount({ right, of }, { accuracy_int8, images }, broken) {
    const share = percent(right / of);
    return broken
      ? `Of ${of} test images, broken like this, the network reads ${right} right (${share}).`
      : `Of ${of} test images, the network reads ${right} right (${share}); of all ` +
          `${images.toLocaleString("en-US")}, ${percent(accuracy_int8)}.`;
  }

  fill.break = async (place) => {
    const intact = await loadNetwork();
    const verdict = element("p", { className: "part-verdict", role: "status" });
    const count = element("p", { className: "break-count", role: "status" });
    const [changed, map] = [makeCanvas(), makeCanvas()];
    changed.setAttribute("aria-label", "The picture as the network gets it");
    const key = element("p", { className: "part-note" });
    const table = makeTable();
    let picture = null;
    let network = intact;
    let counts = 0;
    let timer = 0;

    const spoiled = () => picture && changePicture(picture, { ...controls.read(), seed: SEED });
    const show = () => {
      const pixels = spoiled();
      const answer = pixels && network.predict(pixels);
      const values = pixels ? whatMattered(network, pixels, answer.digit) : new Float64Array(SIDE * SIDE);
      paintInk(changed, pixels || values, SIDE);
      paintSigned(map, values, SIDE);
      map.setAttribute("aria-label", pixels ? describeMap(values, answer.digit) : "Map of what mattered: empty.");
      key.textContent = pixels ? explainMap(answer.digit) : "";
      table.show(answer && answer.probabilities);
    };
    const say = () => {
      verdict.textContent = picture
        ? describeReading(intact.predict(picture), network.predict(spoiled()), isBroken(controls.read()))
        : "Draw a digit, or show a test image.";
    };
    const countAgain = async () => {
      const mine = ++counts;
      count.setAttribute("aria-busy", "true");
      count.textContent = "Counting how many test images are read right …";
      const settings = controls.read();
      const found = await countRight(network, settings, () => mine === counts);
      if (found) {
        count.removeAttribute("aria-busy");
        count.textContent = describeCount(found, intact.measured, isBroken(settings));
      }
    };

    const controls = makeControls(
      intact.layers.slice(0, -1).map(({ scales }) => scales.length),
      () => {
        clearTimeout(timer);
        counts += 1; // what is being counted no longer holds
        count.setAttribute("aria-busy", "true");
        count.textContent = "…";
        network = breakNetwork(intact, controls.read());
        show();
      },
    );
    // The pictures follow at once; what is read aloud, and the count, wait until the reader is done.
    controls.parts.addEventListener("change", () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        say();
        countAgain();
      }, PAUSE);
    });
    const pad = makePad((pixels, done) => {
      picture = pixels;
      show();
      if (done) {
        say();
      }
    }, "The picture");
    await pad.showTestImage(FIRST);

    const pictures = element("div", { className: "break-pictures" }, pad.grid);
    pictures.append(titled("What it gets", changed), titled("What mattered", map));
    const seen = element("div", { className: "break-seen" }, verdict, pictures);
    const chances = element("div", { className: "break-chances" }, table);
    const buttons = element("div", { className: "pad-tools" });
    buttons.append(button("Next test image", () => pad.showTestImage()), button("Reset", controls.reset));
    const own = element("details", {}, element("summary", { textContent: "Draw a digit of your own" }));
    own.append(pad.paper, pad.tools);
    const all = element("div", { className: "break-all" }, seen, chances, key, controls.parts);
    all.append(buttons, count, own);
    place.replaceChildren(all);
    countAgain();
  };
})();
