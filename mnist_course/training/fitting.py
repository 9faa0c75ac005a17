"""Keras's fit, with each epoch as one compiled program.

`model.fit` returns to Python after every batch, and on a small network that costs more than the
arithmetic. Here the whole epoch - shuffling, every `train_step`, the metrics - is one program
compiled by XLA (https://openxla.org/xla), and Python runs only between epochs, for the callbacks.

On a CPU, XLA is many times slower with convolutions than TensorFlow's own (oneDNN's): then the
epoch is one TensorFlow graph instead.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from mnist_course._backend import keras, tf
from mnist_course._progress import EpochProgress
from mnist_course.errors import CourseError

PrepareEpoch = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def fit(
    model: keras.Model,
    images: Any,
    labels: Any,
    *,
    epochs: int,
    batch_size: int = 32,
    validation_split: float = 0.2,
    validation_data: tuple[Any, Any] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    initial_epoch: int = 0,
    shuffle: bool = True,
    seed: int | None = None,
    verbose: str | int = "auto",
    prepare_epoch: PrepareEpoch | None = None,
) -> keras.callbacks.History:
    """Train `model` as `model.fit` does, one compiled program per epoch.

    The model, its optimizer and the history end up as `model.fit` would leave them: the last
    images are the validation part, the last batch of an epoch may be smaller, the learning rate
    follows its schedule, and training again continues where it stopped. Callbacks are called
    when an epoch or its validation begins and ends.

    Where Python is needed at every batch, or nothing can be compiled, this falls back on
    `model.fit` with a warning that states the reason: callbacks with batch methods, inputs other
    than arrays, a `train_step` of one's own, `run_eagerly=True`, operations unknown to XLA. Then
    the order of the images follows Keras's random state instead of `seed`.

    Parameters
    ----------
    model : keras.Model
        A compiled model that takes `images` and is trained on `labels`.
    images : numpy.ndarray or tensorflow.Tensor, shape (n, ...)
        Floats become Keras's default float, float32 unless configured otherwise.
    labels : numpy.ndarray or tensorflow.Tensor, shape (n,) or (n, ...)
        Whatever the loss of the model expects: integers or one-hot rows.
    epochs : int
        The epoch at which to stop, counted from 0, not from `initial_epoch`.
    batch_size : int, default 32
        Images per step.
    validation_split : float, default 0.2
        The share of the images, taken from the end, kept for validation; 0 for none.
    validation_data : tuple of (images, labels), optional
        Validate on these instead; `validation_split` is then ignored.
    callbacks : sequence of keras.callbacks.Callback, optional
        Called as `model.fit` calls them.
    initial_epoch : int, default 0
        The first epoch, for training that continues.
    shuffle : bool, default True
        Reorder the images before each epoch.
    seed : int, optional
        Seed of the order. The order of an epoch depends on `seed` and its number alone, so
        that continued training sees what uninterrupted training would have seen. Without a
        seed, Keras's global random state decides.
    verbose : {"auto", 0, 1, 2}, default "auto"
        0 is silent; everything else reports each epoch on stderr.
    prepare_epoch : callable, optional
        `prepare_epoch(images, epoch_seed) -> images`, compiled into the program and applied to
        the training images at the start of each epoch, such as augmentation. `epoch_seed` is
        an int32 tensor of shape (2,) for TensorFlow's stateless random functions.

    Returns
    -------
    keras.callbacks.History
        `history` maps each metric to one Python float per epoch; validation has prefix `val_`.

    Raises
    ------
    CourseError
        The model is not compiled, the arrays are empty or differ in length, a number is out of
        range, or `prepare_epoch` is given where only `model.fit` can train.
    """
    _check_arguments(model, epochs, batch_size, validation_split, initial_epoch, seed)

    reason = _obstacle(model, images, labels, validation_data, callbacks)
    if not reason:
        train, validation = _prepare_data(images, labels, validation_split, validation_data)
        for part in filter(None, (train, validation)):
            _build(model, part)
        programs = _programs(model, prepare_epoch)
        reason = programs.compile(train, validation, batch_size)
    if reason:
        if prepare_epoch is not None:
            raise CourseError(
                f"prepare_epoch needs one compiled program per epoch, but {reason}: "
                "remove prepare_epoch or the obstacle."
            )
        warnings.warn(f"Training with the slower model.fit, because {reason}.", stacklevel=2)
        return model.fit(
            images,
            labels,
            epochs=epochs,
            batch_size=None if labels is None else batch_size,
            validation_split=0.0 if labels is None else validation_split,
            validation_data=validation_data,
            callbacks=list(callbacks),
            initial_epoch=initial_epoch,
            shuffle=shuffle,
            verbose=verbose,
        )

    if seed is None:
        seed = int(keras.random.randint((), 0, 2**31 - 1))
    progress = EpochProgress(initial_epoch, epochs, quiet=verbose == 0)
    callback_list = keras.callbacks.CallbackList(
        [*callbacks, progress],
        add_history=True,
        model=model,
        verbose=verbose,
        epochs=epochs,
        steps=-(-len(train[0]) // batch_size),
    )
    model.stop_training = False
    with progress.bar:
        callback_list.on_train_begin()
        logs: dict[str, Any] = {}
        for epoch in range(initial_epoch, epochs):
            model.reset_metrics()
            callback_list.on_epoch_begin(epoch)
            order, epoch_seed = _draw(len(train[0]), seed, epoch, shuffle)
            programs.train(*train, order, epoch_seed, _ALL_BATCHES, batch_size)
            logs = model.get_metrics_result()
            if validation:
                callback_list.on_test_begin()
                model.reset_metrics()
                programs.test(*validation, _ALL_BATCHES, batch_size)
                results = model.get_metrics_result()
                callback_list.on_test_end(results)
                logs |= {f"val_{name}": value for name, value in results.items()}
            callback_list.on_epoch_end(epoch, logs)
            if model.stop_training:
                break
        model.optimizer.finalize_variable_values(model.trainable_weights)
        callback_list.on_train_end(logs)
    return model.history


_ALL_BATCHES = np.int32(2**31 - 1)
_NO_BATCH = np.int32(0)

Pair = tuple[Any, Any]
Arrays = tuple[tf.Tensor, tf.Tensor]


def _check_arguments(
    model: keras.Model,
    epochs: int,
    batch_size: int,
    validation_split: float,
    initial_epoch: int,
    seed: int | None,
) -> None:
    if not getattr(model, "compiled", False):
        raise CourseError(
            f"The model is {model!r}, which is not compiled: call model.compile(...) before fit."
        )
    if not 0 <= initial_epoch < epochs:
        raise CourseError(
            f"epochs is {epochs} and initial_epoch is {initial_epoch}: epochs is the number of "
            "the last epoch and must be greater than initial_epoch, which starts at 0."
        )
    if batch_size < 1:
        raise CourseError(f"batch_size is {batch_size}: give at least 1 image per batch.")
    if not 0 <= validation_split < 1:
        raise CourseError(
            f"validation_split is {validation_split}: give a share from 0 up to, but not "
            "including, 1."
        )
    if seed is not None and seed < 0:
        raise CourseError(f"seed is {seed}: give an integer of 0 or more.")


def _obstacle(
    model: keras.Model,
    images: Any,
    labels: Any,
    validation_data: Any,
    callbacks: Sequence[keras.callbacks.Callback],
) -> str | None:
    """Say what keeps an epoch from being one compiled program, as far as can be seen up front."""
    if keras.backend.backend() != "tensorflow":
        return f"Keras runs on {keras.backend.backend()} instead of TensorFlow"
    if model.run_eagerly:
        return "the model was compiled with run_eagerly=True"
    if model.distribute_strategy.num_replicas_in_sync > 1:
        return "the model is distributed over several devices"
    for method in _MODEL_METHODS:
        if _overrides(model, keras.Model, method):
            return f"{type(model).__name__} defines its own {method}"
    for callback in callbacks:
        for method in _BATCH_METHODS:
            if _overrides(callback, keras.callbacks.Callback, method) and not _idle(callback):
                return f"{type(callback).__name__} is to be called at every batch ({method})"
    for array in (images, labels):
        if not isinstance(array, np.ndarray | tf.Tensor):
            return f"the data is of type {type(array).__name__}, not an array"
    if validation_data is not None:
        parts = validation_data if isinstance(validation_data, tuple | list) else ()
        if len(parts) != 2 or not all(isinstance(part, np.ndarray | tf.Tensor) for part in parts):
            return "validation_data is not a pair of arrays"
    return None


_MODEL_METHODS = (
    "train_step",
    "test_step",
    "compute_metrics",
    "make_train_function",
    "make_test_function",
    "evaluate",
)
_BATCH_METHODS = [
    name for name in dir(keras.callbacks.Callback) if "batch" in name and "predict" not in name
]


def _overrides(thing: object, base: type, method: str) -> bool:
    return getattr(getattr(thing, method), "__func__", None) is not getattr(base, method)


def _idle(callback: keras.callbacks.Callback) -> bool:
    """Whether the batch methods of one of Keras's callbacks do nothing as it is configured."""
    if type(callback) is keras.callbacks.ModelCheckpoint:
        return bool(callback.save_freq == "epoch")
    if type(callback) is keras.callbacks.TensorBoard:
        return callback.update_freq == "epoch" and not (
            callback.write_steps_per_second or callback._should_trace
        )
    return False


def _prepare_data(
    images: Any, labels: Any, validation_split: float, validation_data: Any
) -> tuple[Arrays, Arrays | None]:
    """Return the training part and the validation part, if any, as tensors."""
    _check_lengths("images", images, labels)
    if validation_data is not None:
        _check_lengths("validation images", *validation_data)
        return _tensors(images, labels), _tensors(*validation_data)
    train, validation = split(images, labels, validation_split)
    return _tensors(*train), _tensors(*validation) if validation else None


def split(images: Any, labels: Any, validation_split: float) -> tuple[Pair, Pair | None]:
    """Split off the share `validation_split` from the end; raise if a part would be empty."""
    if not validation_split:
        return (images, labels), None
    n = int(len(images) * (1 - validation_split))
    if not 0 < n < len(images):
        raise CourseError(
            f"validation_split is {validation_split}, which leaves {n} of {len(images)} images "
            f"for training and {len(images) - n} for validation: give more images or another "
            "share."
        )
    return (images[:n], labels[:n]), (images[n:], labels[n:])


def _check_lengths(name: str, a: Any, b: Any) -> None:
    if not (len(a.shape) and len(b.shape)) or len(a) != len(b) or not len(a):
        raise CourseError(
            f"There are {name} of shape {tuple(a.shape)} and labels of shape "
            f"{tuple(b.shape)}: give at least one image, and one label for each."
        )


def _tensors(*arrays: Any) -> Any:
    default = keras.config.floatx()
    kinds = [default if tf.as_dtype(a.dtype).is_floating else a.dtype for a in arrays]
    return tuple(tf.convert_to_tensor(a, kind) for a, kind in zip(arrays, kinds, strict=True))


def _build(model: keras.Model, data: Arrays) -> None:
    """Create every variable, because a compiled loop cannot.

    The images with the lowest and the highest label serve for it: a label outside the model's
    classes is an error here, while a compiled program would silently compute NaN.
    """
    images, labels = data
    flat = np.reshape(labels, (len(labels), -1))
    rows = [flat.min(axis=1).argmin(), flat.max(axis=1).argmax()]
    try:
        model.test_step((tf.gather(images, rows), tf.gather(labels, rows)))
    except tf.errors.InvalidArgumentError as error:
        raise CourseError(
            f"The model fails on images of shape {tuple(images.shape)} with labels from "
            f"{flat.min()} to {flat.max()}: check that each label is one of its classes, "
            "counted from 0."
        ) from error
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


def _draw(n: int, seed: int, epoch: int, shuffle: bool) -> tuple[tf.Tensor, tf.Tensor]:
    """Draw the order of the images and the seed for `prepare_epoch` of one epoch."""
    for_order, for_images = np.random.SeedSequence([seed, epoch]).spawn(2)
    order = np.random.default_rng(for_order).permutation(n) if shuffle else np.arange(n)
    epoch_seed = for_images.generate_state(2).view(np.int32)
    return tf.convert_to_tensor(order, tf.int32), tf.convert_to_tensor(epoch_seed)


@dataclass
class _Programs:
    """The two compiled programs of a model, and all that they were traced from."""

    train: Callable[..., None]
    test: Callable[..., None]
    parts: list[object]

    def compile(self, train: Arrays, validation: Arrays | None, batch_size: int) -> str | None:
        """Run zero batches, which compiles and changes nothing; return why XLA cannot, if so."""
        order, epoch_seed = _draw(len(train[0]), seed=0, epoch=0, shuffle=False)
        try:
            self.train(*train, order, epoch_seed, _NO_BATCH, batch_size)
            if validation:
                self.test(*validation, _NO_BATCH, batch_size)
        except tf.errors.OpError as error:
            return f"XLA cannot compile the model ({error.message.splitlines()[0]})"
        return None


def _programs(model: keras.Model, prepare_epoch: PrepareEpoch | None) -> _Programs:
    """Return the programs of `model`: those of the last call, if still valid, or new ones."""
    variables = [*model.variables, *model.optimizer.variables]
    parts = [prepare_epoch, model.optimizer, model.loss, *model.metrics, *variables]
    # Set beside Keras's tracking, which would save the programs and count them as layers.
    known: _Programs | None = vars(model).get("_epoch_programs")
    if known and [*map(id, known.parts)] == [*map(id, parts)]:
        return known

    def train(
        images: tf.Tensor,
        labels: tf.Tensor,
        order: tf.Tensor,
        epoch_seed: tf.Tensor,
        batches: tf.Tensor,
        batch_size: int,
    ) -> None:
        if prepare_epoch is not None:
            # By XLA in any case, which alone draws random numbers fast.
            prepare = tf.function(prepare_epoch, jit_compile=True, autograph=False)
            prepared = prepare(images, epoch_seed)
            if prepared.shape[0] != images.shape[0]:
                raise CourseError(
                    f"prepare_epoch made {prepared.shape[0]} images out of {images.shape[0]}: "
                    "return as many as were given, in the same order."
                )
            images = prepared
        _run(model.train_step, images, labels, order, batches, batch_size)

    def test(images: tf.Tensor, labels: tf.Tensor, batches: tf.Tensor, batch_size: int) -> None:
        order = tf.range(images.shape[0])
        _run(model.test_step, images, labels, order, batches, batch_size)

    by_xla = bool(tf.config.list_physical_devices("GPU")) or not _convolves(model)
    compiled = partial(tf.function, jit_compile=by_xla, autograph=False)
    programs = _Programs(compiled(train), compiled(test), parts)
    vars(model)["_epoch_programs"] = programs
    return programs


def _convolves(layer: keras.layers.Layer) -> bool:
    return "Conv" in type(layer).__name__ or any(map(_convolves, getattr(layer, "layers", [])))


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
