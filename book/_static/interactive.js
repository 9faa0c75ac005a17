/* Fill the places of a page where readers try something.
 *
 * Each place is an element with `data-interactive`; what stands in it is for readers without
 * scripts. Its scripts are loaded when a reader comes near it, so that a page without such a place,
 * or one that is only opened, carries nothing of them.
 */
(function () {
  "use strict";

  const PAD = ["parts.js", "prepare.js", "recognize.js", "network.js", "pad.js"];
  const SCRIPTS = {
    draw: [...PAD, "draw.js"],
    inside: [...PAD, "inside.js"],
    break: [...PAD, "change.js", "break.js"],
    replay: ["parts.js", "recognize.js", "replay.js"],
  };
  const here = document.currentScript.src;
  const loading = {};

  /** Load a script that lies beside this one, once. */
  function load(name) {
    loading[name] ||= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = new URL(name, here).href;
      script.async = false; // in the order of the list: later scripts use what earlier ones define
      script.addEventListener("load", resolve);
      script.addEventListener("error", () => {
        delete loading[name]; // the next try may succeed
        reject(new Error(`${name} could not be loaded.`));
      });
      document.head.append(script);
    });
    return loading[name];
  }

  async function fill(place) {
    const kind = place.dataset.interactive;
    try {
      await Promise.all(SCRIPTS[kind].map(load));
      await globalThis.mnistCourse.fill[kind](place);
    } catch (error) {
      const notice = document.createElement("p");
      notice.setAttribute("role", "alert");
      notice.textContent = `This does not work here: ${error.message}`;
      place.prepend(notice);
    }
  }

  function start() {
    const near = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          if (isIntersecting) {
            near.unobserve(target);
            fill(target);
          }
        }
      },
      { rootMargin: "50% 0%" },
    );
    document.querySelectorAll("[data-interactive]").forEach((place) => near.observe(place));
  }

  globalThis.mnistCourse = Object.assign(globalThis.mnistCourse || {}, { load, fill: {} });
  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", start);
  } else {
    start();
  }
})();
