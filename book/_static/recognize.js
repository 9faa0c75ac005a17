/* Run the network of network.js, on the test images of images.js; `mnist-course export-web` writes both. */
(function () {
  "use strict";

  /** Unpack base64 of zlib's format. */
  async function unpack(text) {
    if (!globalThis.DecompressionStream) {
      throw new Error("this browser is too old; expected one of 2023 or later.");
    }
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

  /** Tell how much of a layer's values lies outside the usual directions; see `strangeness` in web.py. */
  function strangeness(values, directions) {
    const sum = values.reduce((a, b) => a + b) || 1;
    const usual = runLayer(directions, values.map((value) => Math.sqrt(value / sum)));
    return Math.sqrt(Math.max(1 - usual.reduce((all, value) => all + value * value, 0), 0));
  }

  /**
   * Make a network of layers.
   *
   * @param {?object} directions - Those in which the first layer usually varies, as a layer; null
   *   for a network that was changed, of which nobody measured what looks like a digit to it.
   * @returns {object} `predict(pixels)` takes 784 pixels from 0 to 255 and returns the ten
   *   `probabilities`, the `logits`, the values of each layer as `layers`, the `digit`, the
   *   `runnerUp`, whether the network is `sure`, the `likeness`, and whether this `looksLikeDigit`
   *   to it. `gradient(pixels, layer, unit)` returns how much the value of a unit, before ReLU or
   *   softmax, changes with each of the inputs, which are pixels divided by 255.
   */
  function makeNetwork(layers, measured, directions = null) {
    function run(pixels) {
      let values = Float64Array.from(pixels, (value) => value / 255);
      return layers.map((layer, i) => {
        values = runLayer(layer, values);
        if (i + 1 < layers.length) {
          values = values.map((value) => Math.max(value, 0));
        }
        return values;
      });
    }

    function predict(pixels) {
      const values = run(pixels);
      const logits = values.at(-1);
      const energy = logSumExp(logits);
      const probabilities = logits.map((logit) => Math.exp(logit - energy));
      const likeness =
        directions && energy - measured.strangeness_weight * strangeness(values[0], directions);
      const [digit, runnerUp] = [...probabilities.keys()].sort(
        (a, b) => probabilities[b] - probabilities[a],
      );
      return {
        probabilities,
        logits,
        layers: values,
        digit,
        runnerUp,
        sure: probabilities[digit] >= measured.sure_above,
        likeness,
        looksLikeDigit: directions && likeness >= measured.digit_above,
      };
    }

    /** Backward through the layers: a unit that ReLU silences passes nothing on. */
    function gradient(pixels, layer, unit) {
      const values = run(pixels);
      let slopes = rowOf(layers[layer], unit);
      for (let below = layer - 1; below >= 0; below--) {
        const { weights, scales } = layers[below];
        const inputs = weights.length / scales.length;
        const sums = new Float64Array(inputs);
        slopes.forEach((slope, i) => {
          if (values[below][i] > 0) {
            for (let j = 0; j < inputs; j++) {
              sums[j] += slope * scales[i] * weights[i * inputs + j];
            }
          }
        });
        slopes = sums;
      }
      return slopes;
    }

    return { layers, measured, predict, gradient };
  }

  /** Return the weights with which a unit takes its inputs. */
  function rowOf({ weights, scales }, unit) {
    const inputs = weights.length / scales.length;
    return Float64Array.from(weights.subarray(unit * inputs, (unit + 1) * inputs), (w) => w * scales[unit]);
  }

  /** Return the weights with which the units of a layer take one of its inputs. */
  function columnOf({ weights, scales }, input) {
    const inputs = weights.length / scales.length;
    return Float64Array.from(scales, (scale, unit) => weights[unit * inputs + input] * scale);
  }

  let network = null;
  let images = null;

  /** Unpack the network of network.js, once; see makeNetwork. */
  function loadNetwork() {
    network ||= unpackNetwork(globalThis.mnistCourse.networkData);
    return network;
  }

  async function unpackNetwork({ measured, directions, ...packed }) {
    return makeNetwork(await unpackLayers(packed), measured, (await unpackLayers(directions))[0]);
  }

  async function unpackLayers({ shapes, layers }) {
    return cut(await unpack(layers), shapes);
  }

  /**
   * Unpack the test images of images.js, once.
   *
   * @returns {Promise<{images: Uint8Array[], labels: number[]}>} 784 pixels each.
   */
  function loadImages() {
    images ||= unpackImages(globalThis.mnistCourse.imagesData);
    return images;
  }

  async function unpackImages({ labels, pixels }) {
    const all = new Uint8Array(await unpack(pixels));
    return { labels, images: labels.map((_, i) => all.subarray(784 * i, 784 * (i + 1))) };
  }

  Object.assign(globalThis.mnistCourse, { unpack, makeNetwork, columnOf, loadNetwork, loadImages });
})();
