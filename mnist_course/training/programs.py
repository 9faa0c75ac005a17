"""Compile all batches of an epoch into one program, and keep it for models that are alike.

To trace and compile a program takes a second, and it depends on all of a model but the values of
its variables. So a program runs on the variables of any model of the same structure.
"""

import inspect
import re
import threading
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from mnist_course._backend import keras, tf
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
    """Return a program that runs a step of `model` on every batch of an epoch.

    Parameters
    ----------
    model : keras.Model
        A compiled model all of whose variables exist.
    step : {"train_step", "test_step"}
        The method to run.
    data : tuple of tf.Tensor
        All images and labels.
    batch_size : int
        Images per step; the last step has what is left.
    prepare_epoch : callable, optional
        See `fit`.

    Returns
    -------
    callable
        Takes the order of the images, int32 of shape (n,), and a seed for `prepare_epoch`, int32
        of shape (2,). It changes the variables of the model, its optimizer and its metrics.

    Raises
    ------
    tf.errors.OpError
        If XLA cannot compile the model.
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
        structure = _structure(model) if _is_ours(prepare_epoch) else None
        key = (structure, kind)
        program = _shared.get(key) if structure else None
        if program is None:
            program = _Program(model, step, data, batch_size, prepare_epoch, variables)
            program.run(variables, *data, *_example(len(data[0])), _NO_BATCH)  # compiles it
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


def _is_ours(prepare_epoch: PrepareEpoch | None) -> bool:
    """Whether a function depends on nothing that a notebook could change meanwhile."""
    return prepare_epoch is None or prepare_epoch.__module__.startswith("mnist_course.")


def _example(n: int) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.range(n), tf.zeros(2, tf.int32)


class _Program:
    """A traced program, which runs on the variables of the model it is given."""

    def __init__(
        self,
        model: keras.Model,
        step: str,
        data: Arrays,
        batch_size: int,
        prepare_epoch: PrepareEpoch | None,
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

        by_xla = bool(tf.config.list_physical_devices("GPU")) or not _convolves(model)
        compiled = tf.function(program, jit_compile=by_xla, autograph=False)
        self.concrete = compiled.get_concrete_function(*data, *_example(len(data[0])), _NO_BATCH)
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


def _convolves(model: keras.Model) -> bool:
    return any("Conv" in type(layer).__name__ for layer in model._flatten_layers())


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


# What has no part in a step: values to begin with, bookkeeping of Keras and TensorFlow.
_APART = (
    keras.initializers.Initializer,
    keras.callbacks.Callback,
    inspect.Signature,
    type(tf.distribute.get_strategy()),
)
_APART_NAMES = ("Tracker", "TrackableReference")


def _structure(model: keras.Model) -> tuple[object, ...] | None:
    """Return all that a model is made of but the values of its variables and the numbers of names.

    Models of the same structure compute the same from the same values. None if a part is not
    Keras's own, because a function or an array of one's own may differ where it looks the same.
    """
    found: list[object] = []
    places = {id(model): 0}
    apart = ("_epoch_programs", "history")
    waiting: list[Any] = [{k: v for k, v in vars(model).items() if k not in apart}]
    waiting.append(type(model))
    seen = []  # kept, so that no two of them get the same id
    while waiting:
        thing = waiting.pop()
        seen.append(thing)
        if thing is None or isinstance(thing, bool | int | float):
            found.append(thing)
        elif isinstance(thing, str):
            found.append(re.sub(r"_\d+|\d{9,}", "", thing))
        elif id(thing) in places:
            found.append(("again", places[id(thing)]))
        else:
            places[id(thing)] = len(places)
            if isinstance(thing, tf.Variable):
                found.append((tuple(thing.shape), thing.dtype))
            elif isinstance(thing, dict):
                found.append(("dict", len(thing)))
                waiting += [part for item in thing.items() for part in item]
            elif isinstance(thing, list | tuple | set | frozenset):
                found.append((type(thing).__name__, len(thing)))
                waiting += sorted(thing, key=str) if isinstance(thing, set) else thing
            elif not isinstance(thing, _APART) and type(thing).__name__ not in _APART_NAMES:
                itself = isinstance(thing, type | types.FunctionType | types.ModuleType)
                kind = thing if itself else type(thing)
                module = getattr(kind, "__module__", kind.__name__)
                if not module.startswith("keras."):
                    return None
                found.append((module, kind.__name__))
                waiting.append({} if itself else getattr(thing, "__dict__", {}))
    return tuple(found)
