/* Spoil a picture, or the network that reads it. Nothing here is changed in place. */
(function () {
  "use strict";

  const SIDE = 28;
  const STEPS = 127; // of a weight in a byte, to either side of 0

  /**
   * Return a generator of numbers from 0 to 1, the same ones for the same seed: mulberry32,
   * T. Ettinger, 2017, https://gist.github.com/tommyettinger/46a874533244883189143505d203312c
   */
  function makeRandom(seed) {
    let state = seed;
    return () => {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
  }

  /** Make a picture of what is found, for each pixel, at a place of another one. */
  function makePicture(find) {
    return Uint8Array.from({ length: SIDE * SIDE }, (_, i) => find(Math.floor(i / SIDE), i % SIDE));
  }

  /** Return the gray of a pixel; outside there is paper, 0. */
  function grayAt(pixels, row, column) {
    const inside = row >= 0 && row < SIDE && column >= 0 && column < SIDE;
    return inside ? pixels[row * SIDE + column] : 0;
  }

  /** Move a picture by whole pixels. */
  function shift(pixels, right, down) {
    return makePicture((row, column) => grayAt(pixels, row - down, column - right));
  }

  /** Turn a picture clockwise about its center; between pixels, it is interpolated bilinearly. */
  function rotate(pixels, degrees) {
    const angle = (degrees * Math.PI) / 180;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    const center = (SIDE - 1) / 2;
    return makePicture((row, column) => {
      const [down, right] = [row - center, column - center];
      const y = center + cos * down - sin * right;
      const x = center + sin * down + cos * right;
      const [top, left] = [Math.floor(y), Math.floor(x)];
      const between = (line) => {
        const [first, second] = [grayAt(pixels, line, left), grayAt(pixels, line, left + 1)];
        return first + (x - left) * (second - first);
      };
      return Math.round(between(top) + (y - top) * (between(top + 1) - between(top)));
    });
  }

  /** Let ink and paper change places. */
  function invert(pixels) {
    return pixels.map((gray) => 255 - gray);
  }

  /**
   * Add impulse noise: about this share of the pixels become full ink or bare paper. With the same
   * seed, the pixels spoiled by a small share are also spoiled by a larger one, in the same way.
   */
  function addNoise(pixels, share, seed) {
    const random = makeRandom(seed);
    return pixels.map((gray) => {
      const dice = random();
      if (dice < share / 2) {
        return 0;
      }
      return dice > 1 - share / 2 ? 255 : gray;
    });
  }

  /** Rotate, shift, invert, then add noise: paper lies crooked, the scanner does the rest. */
  function changePicture(pixels, { degrees, right, down, inverted, noise, seed }) {
    const moved = shift(rotate(pixels, degrees), right, down);
    return addNoise(inverted ? invert(moved) : moved, noise, seed);
  }

  /**
   * Let a share of the units of a hidden layer always give 0. With the same seed, the units silenced
   * by a small share are also silenced by a larger one.
   */
  function silence(layers, layer, share, seed) {
    const { weights, scales, biases } = layers[layer];
    const silent = shuffle(scales.length, seed).slice(0, Math.round(share * scales.length));
    const changed = { weights: weights.slice(), scales, biases: biases.slice() };
    const inputs = weights.length / scales.length;
    for (const unit of silent) {
      changed.weights.fill(0, unit * inputs, (unit + 1) * inputs);
      changed.biases[unit] = 0;
    }
    return layers.map((intact, i) => (i === layer ? changed : intact));
  }

  /** Return the numbers below `count` in random order (R. Durstenfeld, 1964, Algorithm 235). */
  function shuffle(count, seed) {
    const random = makeRandom(seed);
    const order = Array.from({ length: count }, (_, i) => i);
    for (let last = count - 1; last > 0; last--) {
      const other = Math.floor(random() * (last + 1));
      [order[last], order[other]] = [order[other], order[last]];
    }
    return order;
  }

  /**
   * Round the weights of each unit to what fits into a number of bits, 8 to 2: 0, and
   * 2 ** (bits - 1) - 1 steps to either side of it. Biases stay as they are.
   */
  function coarsen(layers, bits) {
    const steps = 2 ** (bits - 1) - 1;
    return layers.map(({ weights, scales, biases }) => ({
      weights: weights.map((weight) => Math.round((weight * steps) / STEPS)),
      scales: scales.map((scale) => (scale * STEPS) / steps),
      biases,
    }));
  }

  /** Return what each pixel contributed to the logit of a digit: gradient times input. */
  function whatMattered(network, pixels, digit) {
    const slopes = network.gradient(pixels, network.layers.length - 1, digit);
    return slopes.map((slope, i) => (slope * pixels[i]) / 255);
  }

  Object.assign(globalThis.mnistCourse, {
    shift,
    rotate,
    invert,
    addNoise,
    changePicture,
    silence,
    coarsen,
    whatMattered,
  });
})();
