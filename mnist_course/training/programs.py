"""Compile all batches of an epoch into one program, and keep it for models that are alike.

To trace and compile a program takes a second, and it depends on all of a model but the values of
its variables. So a program runs on the variables of any model of the same structure.
"""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from mnist_course._backend import keras, tf
from mnist_course._structure import structure_of
from mnist_course.errors import CourseError

Arrays = tuple[tf.Tensor, tf.Tensor]
PrepareEpoch = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]

_ALL_BATCHES = np.int32(2**31 - 1)
_NO_BATCH = np.int32(0)
_KEPT = 16
_shared: dict[object, "_Program"] = {}
_lock = threading.Lock()


def compile_epoch(
    model: keras.Model,
    step: str,
    data: Arrays,
    batch_size: int,
    prepare_epoch: PrepareEpoch | None = None,
) -> Callable[[tf.Tensor, tf.Tensor], None]:
    """Return a program that runs `step`, "train_step" or "test_step", on every batch of `data`.

    It takes the order of the images, int32 of shape (n,), and a seed for `prepare_epoch`, int32 of
    shape (2,), and changes the variables of the model, its optimizer and its metrics. All of them
    must exist. Raises `tf.errors.OpError` if XLA cannot compile the model.
    """
    variables = _variables(model)
    parts = [model.optimizer, model.loss, *model.metrics, *variables]
    shapes = tuple((tuple(part.shape), part.dtype) for part in data)
    kind = (step, shapes, batch_size, prepare_epoch)
    # Set beside Keras's tracking, which would save the programs and count them as layers.
    kept_parts, programs = vars(model).get("_epoch_programs", ([], {}))
    if [*map(id, kept_parts)] != [*map(id, parts)]:
        programs = {}
        vars(model)["_epoch_programs"] = parts, programs
    if kind not in programs:
        # A function of a notebook may depend on what the notebook changes meanwhile.
        ours = prepare_epoch is None or prepare_epoch.__module__.startswith("mnist_course.")
        structure = structure_of(model) if ours else None
        key = (structure, kind)
        program = _shared.get(key) if structure else None
        if program is None:
            example = (*data, tf.range(len(data[0])), tf.zeros(2, tf.int32), _NO_BATCH)
            program = _Program(model, step, batch_size, prepare_epoch, example, variables)
            program.run(variables, *example)  # compiles it, and changes nothing
            if structure and program.only_variables:
                _shared[key] = program
                for oldest in list(_shared)[:-_KEPT]:
                    del _shared[oldest]
        programs[kind] = program
    program = programs[kind]
    return lambda order, seed: program.run(variables, *data, order, seed, _ALL_BATCHES)


def _variables(model: keras.Model) -> list[tf.Variable]:
    of_metrics = [variable for metric in model.metrics for variable in metric.variables]
    found = [*model.variables, *model.optimizer.variables, *of_metrics]
    return [variable.value for variable in {id(variable): variable for variable in found}.values()]


class _Program:
    """A traced program, which runs on the variables of the model it is given."""

    def __init__(
        self,
        model: keras.Model,
        step: str,
        batch_size: int,
        prepare_epoch: PrepareEpoch | None,
        example: tuple[tf.Tensor, ...],
        variables: list[tf.Variable],
    ) -> None:
        def program(
            images: tf.Tensor,
            labels: tf.Tensor,
            order: tf.Tensor,
            epoch_seed: tf.Tensor,
            batches: tf.Tensor,
        ) -> None:
            if prepare_epoch is not None:
                images = _prepare(prepare_epoch, images, epoch_seed)
            _run(getattr(model, step), images, labels, order, batches, batch_size)

        # On a CPU, XLA's convolutions are many times slower than TensorFlow's own.
        convolves = any("Conv" in type(layer).__name__ for layer in model._flatten_layers())
        by_xla = bool(tf.config.list_physical_devices("GPU")) or not convolves
        compiled = tf.function(program, jit_compile=by_xla, autograph=False)
        self.concrete = compiled.get_concrete_function(*example)
        self.traced_from = variables  # TensorFlow wants them to exist
        places = {id(variable.handle): place for place, variable in enumerate(variables)}
        self.captures = [(c, places.get(id(c))) for c in self.concrete.captured_inputs]
        self.only_variables = all(place is not None for _, place in self.captures)

    def run(self, variables: list[tf.Variable], *arguments: Any) -> None:
        captures = [
            capture if place is None else variables[place].handle
            for capture, place in self.captures
        ]
        with _lock:
            self.concrete.set_external_captures(captures)
            self.concrete(*arguments)


def _prepare(prepare_epoch: PrepareEpoch, images: tf.Tensor, epoch_seed: tf.Tensor) -> tf.Tensor:
    # By XLA in any case, which alone draws random numbers fast.
    prepare = tf.function(prepare_epoch, jit_compile=True, autograph=False)
    prepared = prepare(images, epoch_seed)
    if prepared.shape[0] != images.shape[0]:
        raise CourseError(
            f"prepare_epoch made {prepared.shape[0]} images out of {images.shape[0]}: "
            "return as many as were given, in the same order."
        )
    return prepared


def _run(
    step: Callable[[Arrays], object],
    images: tf.Tensor,
    labels: tf.Tensor,
    order: tf.Tensor,
    batches: tf.Tensor,
    batch_size: int,
) -> None:
    """Add to the program: `step` on the first `batches` batches of the images in `order`."""

    def loop(first: int, last: int, size: int) -> None:
        def body(i: tf.Tensor) -> tf.Tensor:
            rows = tf.slice(order, [i * batch_size], [size])
            step((tf.gather(images, rows), tf.gather(labels, rows)))
            return i + 1

        tf.while_loop(lambda i: i < tf.minimum(last, batches), body, [tf.constant(first)])

    # XLA wants fixed shapes, so the smaller batch at the end is a loop of its own.
    full, rest = divmod(images.shape[0], batch_size)
    if full:
        loop(0, full, batch_size)
    if rest:
        loop(full, full + 1, rest)
