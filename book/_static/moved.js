/* Take readers of an old link to where its section is now.
 *
 * Checks and hints of released exercises, and other people's pages, link to sections by their
 * headings. When a heading changes or moves to another page, its old address goes in here.
 */
(function () {
  "use strict";

  const MOVED = {
    "building#a-neuron-that-looks-at-digits": "building#a-neuron-that-tells-0-from-1",
    "building#a-layer-is-many-neurons-at-once": "building#a-layer-is-a-table-of-weights",
    "building#relu-puts-a-bend-into-the-line": "building#one-bend",
    "building#read-the-summary": "building#build-it-in-keras",
    "building#compile-it-or-let-the-course-do-both": "building#compile-it",
    "building#one-picture-through-the-network-by-hand": "building#one-image-through-the-network",
    "building#does-keras-agree": "building#one-image-through-the-network",
    "building#what-an-untrained-network-answers": "building#before-it-has-learned-anything",
    "building#sure-of-itself-and-wrong": "normalizing#what-large-numbers-do",
    "normalizing#why-float32": "normalizing#there-and-back",
    "normalizing#why-small-numbers": "normalizing#what-large-numbers-do",
    "normalizing#what-happens-without-it": "normalizing#training-without-scaling",
    "normalizing#the-same-for-everyone": "normalizing#forgetting-to-scale-later",
    "loading#four-arrays-in-one-file": "data_files#four-arrays-in-one-file",
    "loading#types": "loading#types-and-counts",
    "loading#is-it-really-mnist": "data_files#is-it-really-mnist",
    "loading#why-you-cannot-write-to-it": "data_files#why-you-can-t-write-to-the-arrays",
    "loading#may-you-use-it": "data_files#may-you-use-it",
    "training#how-wrong-is-one-answer": "backpropagation#what-an-answer-costs",
    "training#how-wrong-is-the-network": "backpropagation#what-an-answer-costs",
    "training#one-weight-nudged": "learning#one-weight",
    "training#all-weights-at-once-the-gradient": "learning#blame-passed-backward",
    "training#a-step-downhill": "learning#one-weight",
    "training#how-long-should-a-step-be": "learning#two-weights-and-their-landscape",
    "training#batches-a-rough-slope-quickly": "training#a-rough-slope-cheaply",
    "training#adam-a-step-length-for-each-weight": "training#adam-a-step-length-for-every-weight",
    "training#epochs-and-images-kept-aside": "training#images-set-aside",
    "training#overfitting-seen": "overfitting#the-two-ages-measured",
    "training#are-50-epochs-too-many": "overfitting#so-when-do-you-stop",
    "visualizing#the-hard-ones": "visualizing#unusual-isn-t-ambiguous",
    "welcome#what-you-will-build": "welcome#what-you-ll-build",
  };

  function follow() {
    const page = location.pathname.split("/").pop().replace(/\.html$/, "");
    const target = MOVED[`${page}${location.hash}`];
    if (target) {
      location.replace(target.replace("#", ".html#"));
    }
  }

  follow();
  window.addEventListener("hashchange", follow);
})();
