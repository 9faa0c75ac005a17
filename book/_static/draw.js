/* Draw a digit and watch the network read it. */
(function () {
  "use strict";

  const { element, percent, makeTable, makePad, loadNetwork, fill } = globalThis.mnistCourse;

  function describe({ probabilities, digit, runnerUp, sure, looksLikeDigit }) {
    // Not "with 0.0%".
    const second =
      probabilities[runnerUp] < 0.0005 ? "" : ` Second comes ${runnerUp} with ${percent(probabilities[runnerUp])}.`;
    if (!looksLikeDigit) {
      return `This does not look like a digit to the network. If it must choose: ${digit}.`;
    }
    if (!sure) {
      return `Not sure: ${digit} with ${percent(probabilities[digit])}.${second}`;
    }
    return `Model prediction: ${digit}, with ${percent(probabilities[digit])}.${second}`;
  }

  function explain({ accuracy_int8, images, sure_above, digits_passing, others, others_caught }) {
    return (
      `This network reads ${percent(accuracy_int8)} of ${images.toLocaleString("en-US")} test images right, ` +
      `none of which it has learned from. Below ${percent(sure_above)} it is called not sure; from there on, ` +
      `99.5% of its answers to other unseen images were right. ${percent(digits_passing)} of the test images ` +
      `look like a digit to it; so do ${percent(1 - others_caught)} of ${others} letters, scribbles, stars, ` +
      "crosses and frames."
    );
  }

  fill.draw = async (place) => {
    const network = await loadNetwork();
    const verdict = element("p", { className: "part-verdict", role: "status" });
    const table = makeTable();
    // The bars follow the pen; what is read aloud waits until it is lifted.
    const pad = makePad((pixels, done) => {
      const answer = pixels && network.predict(pixels);
      table.show(answer && answer.probabilities);
      if (done) {
        verdict.textContent = answer ? describe(answer) : "Draw a digit.";
      }
    });
    const pictures = element("div", { className: "draw-row" }, pad.paper, pad.grid, table);
    const note = element("p", { className: "part-note", textContent: explain(network.measured) });
    place.replaceChildren(verdict, pictures, pad.tools, note);
  };
})();
