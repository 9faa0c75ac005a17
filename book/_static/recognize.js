/* Run the network of network.js, which `mnist-course export-web` writes. */
(function () {
  "use strict";

  /** Unpack base64 of zlib's format. */
  async function unpack(text) {
    const packed = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).arrayBuffer();
  }

  /** Cut what was unpacked into the weights, scales and biases of each layer. */
  function cut(buffer, shapes) {
    let start = 0;
    const take = (Kind, count) => {
      const end = start + count * Kind.BYTES_PER_ELEMENT;
      const part = new Kind(buffer.slice(start, end));
      start = end;
      return part;
    };
    return shapes.map(([units, inputs]) => ({
      weights: take(Int8Array, units * inputs),
      scales: take(Float32Array, units),
      biases: take(Float32Array, units),
    }));
  }

  function runLayer({ weights, scales, biases }, inputs) {
    return Float64Array.from(biases, (bias, unit) => {
      let sum = 0;
      const start = unit * inputs.length;
      for (let i = 0; i < inputs.length; i++) {
        sum += weights[start + i] * inputs[i];
      }
      return sum * scales[unit] + bias;
    });
  }

  /** Return the logarithm of the sum of the exponentials, without overflow. */
  function logSumExp(values) {
    const largest = values.reduce((a, b) => Math.max(a, b));
    return largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
  }

  let loading = null;

  /**
   * Unpack the network, once.
   *
   * @returns {Promise<{predict: function, samples: Uint8Array[], measured: object}>} `predict`
   *   takes 784 pixels from 0 to 255 and returns the ten probabilities, the logits, the values of
   *   each layer, the digit, the runner-up, whether the network is sure, and whether this looks
   *   like a digit to it. `samples` are test images, one for each digit.
   */
  function loadNetwork() {
    loading = loading || unpackNetwork(globalThis.mnistCourse.networkData);
    return loading;
  }

  async function unpackNetwork({ shapes, layers: packed, samples: packedSamples, measured }) {
    const layers = cut(await unpack(packed), shapes);
    const all = new Uint8Array(await unpack(packedSamples));
    const samples = Array.from({ length: all.length / 784 }, (_, i) => all.slice(784 * i, 784 * i + 784));

    function predict(pixels) {
      let values = Float64Array.from(pixels, (value) => value / 255);
      const passed = layers.map((layer, i) => {
        values = runLayer(layer, values);
        if (i + 1 < layers.length) {
          values = values.map((value) => Math.max(value, 0));
        }
        return values;
      });
      const energy = logSumExp(values);
      const probabilities = values.map((logit) => Math.exp(logit - energy));
      const [digit, runnerUp] = [...probabilities.keys()].sort(
        (a, b) => probabilities[b] - probabilities[a],
      );
      return {
        probabilities,
        logits: values,
        layers: passed,
        digit,
        runnerUp,
        sure: probabilities[digit] >= measured.sure_above,
        looksLikeDigit: energy >= measured.digit_above,
      };
    }

    return { predict, samples, measured };
  }

  globalThis.mnistCourse = Object.assign(globalThis.mnistCourse || {}, { loadNetwork });
})();
