/* Prepare a picture of one digit the way the images of MNIST were prepared.
 *
 * The same steps, in the same order, as `from_drawing` in mnist_course/preprocessing/__init__.py, which
 * says why; tests/site/test_recognize.py holds both to the same answers.
 */
(function () {
  "use strict";

  const SIDE = 28;
  const INK_SIDE = 20;
  const CENTER = 14;
  const LUMA = [0.299, 0.587, 0.114];
  const FAINTEST_INK = 20;
  const GRAIN_MARGIN = 6;
  const TIE = 1e-9;

  /**
   * Prepare a picture.
   *
   * @param {{data: Uint8ClampedArray, width: number, height: number}} picture - Red, green, blue
   *   and opacity of each pixel, as a canvas returns them.
   * @returns {?Uint8Array} 28 x 28 pixels, 0 is background and 255 full ink; null if there is no
   *   ink on the picture.
   */
  function prepare(picture) {
    const ink = findInk(toGray(picture), picture.width, picture.height);
    if (ink === null) {
      return null;
    }
    const cropped = crop(ink, picture.width, picture.height);
    const scale = INK_SIDE / Math.max(cropped.width, cropped.height);
    const width = Math.max(1, round(cropped.width * scale));
    const height = Math.max(1, round(cropped.height * scale));
    const small = shrink(cropped, width, height);
    const largest = small.reduce((a, b) => Math.max(a, b));
    const [y, x] = centerOfMass(small, width);
    const top = clamp(round(CENTER - y), 0, SIDE - height);
    const left = clamp(round(CENTER - x), 0, SIDE - width);
    const digit = new Uint8Array(SIDE * SIDE);
    small.forEach((value, i) => {
      const row = top + Math.floor(i / width);
      digit[row * SIDE + left + (i % width)] = round(value * (255 / largest));
    });
    return digit;
  }

  function toGray({ data }) {
    const gray = new Float64Array(data.length / 4);
    let dark = 0;
    let opaque = 0;
    for (let i = 0; i < gray.length; i++) {
      const opacity = data[4 * i + 3] / 255;
      gray[i] = LUMA[0] * data[4 * i] + LUMA[1] * data[4 * i + 1] + LUMA[2] * data[4 * i + 2];
      dark += gray[i] * opacity;
      opaque += opacity;
    }
    const paper = dark <= 127.5 * opaque ? 255 : 0;
    for (let i = 0; i < gray.length; i++) {
      const opacity = data[4 * i + 3] / 255;
      gray[i] = gray[i] * opacity + paper * (1 - opacity);
    }
    return gray;
  }

  /** Return how much ink is on each pixel, exactly 0 where there is only paper. */
  function findInk(gray, width, height) {
    const sides = sidesOf(width, height);
    const paper = median(sides.map((i) => gray[i]));
    let [darkest, lightest] = [255, 0];
    for (let i = 0; i < gray.length; i++) {
      darkest = Math.min(darkest, gray[i]);
      lightest = Math.max(lightest, gray[i]);
    }
    const [dark, light] = [paper - darkest, lightest - paper];
    if (Math.max(dark, light) < FAINTEST_INK) {
      return null;
    }
    const contrast = gray; // changed in place: a photo has millions of pixels
    for (let i = 0; i < gray.length; i++) {
      contrast[i] = dark >= light ? paper - gray[i] : gray[i] - paper;
    }
    const first = otsu(contrast);
    takeOffShading(contrast, width, [...new Set(sides)].filter((i) => contrast[i] <= first));
    const threshold = otsu(contrast);
    const quiet = new Float64Array(contrast.length);
    let count = 0;
    for (let i = 0; i < contrast.length; i++) {
      if (contrast[i] <= threshold) {
        quiet[count++] = Math.abs(contrast[i]);
      }
    }
    const grain = Math.min(GRAIN_MARGIN * median(quiet.subarray(0, count)), threshold / 2);
    for (let i = 0; i < contrast.length; i++) {
      if (contrast[i] <= Math.max(grain, 0)) {
        contrast[i] = 0;
      }
    }
    return keepStrokes(contrast, width, threshold);
  }

  /** Return the positions of the pixels of the four sides; those in the corners twice. */
  function sidesOf(width, height) {
    const columns = Array.from({ length: width }, (_, x) => x);
    const rows = Array.from({ length: height }, (_, y) => y * width);
    return [
      ...columns,
      ...columns.map((x) => x + (height - 1) * width),
      ...rows,
      ...rows.map((y) => y + width - 1),
    ];
  }

  /** Subtract the plane that fits the given pixels best: light seldom falls evenly on a page. */
  function takeOffShading(contrast, width, pixels) {
    const n = pixels.length;
    const y = (i) => Math.floor(i / width);
    const x = (i) => i % width;
    const mean = (of) => pixels.reduce((sum, i) => sum + of(i), 0) / n;
    const level = mean((i) => contrast[i]);
    const [my, mx] = [mean(y), mean(x)];
    const product = (f, g) => pixels.reduce((sum, i) => sum + f(i) * g(i), 0);
    const dy = (i) => y(i) - my;
    const dx = (i) => x(i) - mx;
    const [yy, xx, yx] = [product(dy, dy), product(dx, dx), product(dy, dx)];
    const [yc, xc] = [product(dy, (i) => contrast[i] - level), product(dx, (i) => contrast[i] - level)];
    const determinant = yy * xx - yx * yx;
    const down = determinant ? (yc * xx - xc * yx) / determinant : yy ? yc / yy : 0;
    const across = determinant ? (xc * yy - yc * yx) / determinant : xx && !yy ? xc / xx : 0;
    for (let row = 0, i = 0; i < contrast.length; row++) {
      for (let column = 0; column < width; column++, i++) {
        contrast[i] -= level + down * (row - my) + across * (column - mx);
      }
    }
  }

  /** Return the gray level that parts the ink into two classes with the least variance within. */
  function otsu(ink) {
    const counts = new Float64Array(256);
    for (let i = 0; i < ink.length; i++) {
      counts[Math.floor(Math.min(Math.max(ink[i], 0), 255))]++;
    }
    const total = ink.length;
    const sum = counts.reduce((all, count, level) => all + count * level, 0);
    let [below, sumBelow, best, threshold] = [0, 0, -1, 0];
    for (let level = 0; level < 256; level++) {
      below += counts[level];
      sumBelow += counts[level] * level;
      const above = total - below;
      if (below && above) {
        const gap = sumBelow / below - (sum - sumBelow) / above;
        if (below * above * gap * gap > best) {
          best = below * above * gap * gap;
          threshold = level;
        }
      }
    }
    return threshold + 1;
  }

  /** Wipe out spots that touch no pixel above the threshold. */
  function keepStrokes(ink, width, threshold) {
    const height = ink.length / width;
    const kept = new Float64Array(ink.length);
    const waiting = [];
    const visit = (i) => {
      if (ink[i] > 0 && kept[i] === 0) {
        kept[i] = ink[i];
        waiting.push(i);
      }
    };
    for (let i = 0; i < ink.length; i++) {
      if (ink[i] > threshold) {
        visit(i);
      }
    }
    while (waiting.length) {
      const i = waiting.pop();
      const [row, column] = [Math.floor(i / width), i % width];
      for (let y = Math.max(row - 1, 0); y <= Math.min(row + 1, height - 1); y++) {
        for (let x = Math.max(column - 1, 0); x <= Math.min(column + 1, width - 1); x++) {
          visit(y * width + x);
        }
      }
    }
    return kept;
  }

  function crop(ink, width, height) {
    let [top, left, bottom, right] = [height, width, -1, -1];
    for (let i = 0; i < ink.length; i++) {
      if (ink[i] > 0) {
        const [row, column] = [Math.floor(i / width), i % width];
        top = Math.min(top, row);
        bottom = Math.max(bottom, row);
        left = Math.min(left, column);
        right = Math.max(right, column);
      }
    }
    const rows = [];
    for (let row = top; row <= bottom; row++) {
      rows.push(ink.subarray(row * width + left, row * width + right + 1));
    }
    return { rows, width: right - left + 1, height: bottom - top + 1 };
  }

  /** Average over the area of each new pixel: first along the columns, then along the rows. */
  function shrink({ rows, width: oldWidth, height: oldHeight }, width, height) {
    const small = new Float64Array(width * height);
    const down = areas(oldHeight, height);
    const across = areas(oldWidth, width);
    for (let y = 0; y < height; y++) {
      const line = new Float64Array(oldWidth);
      down[y].forEach(([row, share]) => rows[row].forEach((value, x) => (line[x] += share * value)));
      for (let x = 0; x < width; x++) {
        across[x].forEach(([column, share]) => (small[y * width + x] += share * line[column]));
      }
    }
    return small;
  }

  /** For each of the new pixels, list the old ones it covers and their shares. */
  function areas(old, count) {
    return Array.from({ length: count }, (_, i) => {
      const [from, to] = [i * (old / count), i + 1 === count ? old : (i + 1) * (old / count)];
      const shares = [];
      for (let pixel = Math.floor(from); pixel < Math.min(Math.ceil(to), old); pixel++) {
        const overlap = Math.min(to, pixel + 1) - Math.max(from, pixel);
        shares.push([pixel, (Math.max(overlap, 0) * count) / old]);
      }
      return shares;
    });
  }

  function centerOfMass(small, width) {
    let [total, y, x] = [0, 0, 0];
    small.forEach((value, i) => {
      total += value;
      y += value * Math.floor(i / width);
      x += value * (i % width);
    });
    return [y / total, x / total];
  }

  function median(values) {
    const half = values.length >> 1;
    const upper = select(Float64Array.from(values), half);
    if (values.length % 2) {
      return upper[half];
    }
    return (upper.subarray(0, half).reduce((a, b) => Math.max(a, b)) + upper[half]) / 2;
  }

  /** Reorder the values so that the one at `place` is where sorting would put it (Hoare, 1961). */
  function select(values, place) {
    let [left, right] = [0, values.length - 1];
    while (left < right) {
      const pivot = values[(left + right) >> 1];
      let [i, j] = [left, right];
      while (i <= j) {
        while (values[i] < pivot) {
          i++;
        }
        while (values[j] > pivot) {
          j--;
        }
        if (i <= j) {
          const kept = values[i];
          values[i++] = values[j];
          values[j--] = kept;
        }
      }
      if (place <= j) {
        right = j;
      } else if (place >= i) {
        left = i;
      } else {
        break;
      }
    }
    return values;
  }

  function round(value) {
    return Math.floor(value + 0.5 + TIE);
  }

  function clamp(value, least, most) {
    return Math.min(Math.max(value, least), most);
  }

  globalThis.mnistCourse = Object.assign(globalThis.mnistCourse || {}, { prepare });
})();
