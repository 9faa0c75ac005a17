"""Keras's fit, with each epoch as one compiled program.

`model.fit` returns to Python after every batch, and on a small network that costs more than the
arithmetic. Here the whole epoch - shuffling, every `train_step`, the metrics - is one program
compiled by XLA (https://openxla.org/xla), and Python runs only between epochs, for the callbacks.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from mnist_course._backend import keras, tf
from mnist_course._progress import EpochProgress
from mnist_course.errors import CourseError

from .programs import Arrays, PrepareEpoch, compile_epoch


def fit(
    model: keras.Model,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    epochs: int = 1,
    verbose: str | int = "auto",
    callbacks: Any = None,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: bool = True,
    class_weight: dict[int, float] | None = None,
    sample_weight: Any = None,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    validation_freq: Any = 1,
    *,
    seed: int | None = None,
    prepare_epoch: PrepareEpoch | None = None,
) -> keras.callbacks.History:
    """Train `model` as `model.fit` does, one compiled program per epoch.

    The arguments are those of Keras's `model.fit`, with its defaults, and two more. The model, its
    optimizer and the history end up as `model.fit` would leave them: the last images are the
    validation part, the last batch of an epoch may be smaller, the learning rate follows its
    schedule, and training again continues where it stopped. Callbacks are called when an epoch or
    its validation begins and ends.

    Where Python is needed at every batch, or nothing can be compiled, this falls back on
    `model.fit` with a warning that states the reason: callbacks with batch methods, inputs other
    than arrays, weights of classes or samples, a number of steps, layers that remember the last
    batch, a `train_step` of one's own, `run_eagerly=True`, operations unknown to XLA. Then the
    order of the images follows Keras's random state instead of `seed`.

    Parameters
    ----------
    model : keras.Model
        A compiled model that takes `x` and is trained on `y`.
    x : numpy.ndarray or tensorflow.Tensor, shape (n, ...)
        The images. Floats become Keras's default float, float32 unless configured otherwise.
    y : numpy.ndarray or tensorflow.Tensor, shape (n,) or (n, ...)
        Whatever the loss of the model expects: integers or one-hot rows.
    batch_size, epochs, validation_split, validation_data, initial_epoch, ...
        See `model.fit` (https://keras.io/api/models/model_training_apis/).
    verbose : {"auto", 0, 1, 2}, default "auto"
        0 is silent; everything else reports each epoch on stderr.
    seed : int, optional
        Seed of the order. The order of an epoch depends on `seed` and its number alone, so
        that continued training sees what uninterrupted training would have seen. Without a
        seed, Keras's global random state decides.
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
    given = dict(locals())
    for ours in ("model", "seed", "prepare_epoch"):
        del given[ours]  # what is left is for model.fit
    size = 32 if batch_size is None else batch_size
    _check_arguments(model, epochs, size, validation_split, initial_epoch, seed)
    listed = [] if callbacks is None else keras.tree.flatten(callbacks)
    pair = isinstance(validation_data, tuple | list) and len(validation_data) == 2
    held_out = [] if validation_data is None else validation_data if pair else [validation_data]
    reason = _obstacle(model, [x, y, *held_out], listed, given)
    if not reason:
        train, validation = _prepare_data(x, y, validation_split, validation_data)
        _build(model, *(part[:size] for part in train))
        for part in filter(None, (train, validation)):
            _check_labels(model, *part)
        try:
            run_training = compile_epoch(model, "train_step", train, size, prepare_epoch)
            if validation:
                test_size = validation_batch_size or size
                run_test = compile_epoch(model, "test_step", validation, test_size)
        except tf.errors.OpError as error:
            reason = f"XLA cannot compile the model ({error.message.splitlines()[0]})"
    if reason:
        if prepare_epoch is not None:
            raise CourseError(
                f"prepare_epoch needs one compiled program per epoch, but {reason}: "
                "remove prepare_epoch or the obstacle."
            )
        warnings.warn(f"Training with the slower model.fit, because {reason}.", stacklevel=2)
        return model.fit(**given)

    if seed is None:
        seed = int(keras.random.randint((), 0, 2**31 - 1))
    progress = EpochProgress(initial_epoch, epochs, quiet=verbose == 0)
    callback_list = keras.callbacks.CallbackList(
        [*listed, progress],
        add_history=True,
        model=model,
        verbose=verbose,
        epochs=epochs,
        steps=-(-len(train[0]) // size),
    )
    model.stop_training = False
    with progress.bar:
        callback_list.on_train_begin()
        logs: dict[str, Any] = {}
        for epoch in range(initial_epoch, epochs):
            model.reset_metrics()
            callback_list.on_epoch_begin(epoch)
            run_training(*_draw(len(train[0]), seed, epoch, shuffle))
            logs = model.get_metrics_result()
            if validation and (epoch + 1) % validation_freq == 0:
                callback_list.on_test_begin()
                model.reset_metrics()
                run_test(*_draw(len(validation[0]), seed, epoch, shuffle=False))
                results = model.get_metrics_result()
                callback_list.on_test_end(results)
                logs |= {f"val_{name}": value for name, value in results.items()}
            callback_list.on_epoch_end(epoch, logs)
            if model.stop_training:
                break
        model.optimizer.finalize_variable_values(model.trainable_weights)
        callback_list.on_train_end(logs)
    return model.history


def _check_arguments(
    model: keras.Model,
    epochs: int,
    batch_size: int,
    validation_split: float,
    initial_epoch: int,
    seed: int | None,
) -> None:
    if not getattr(model, "compiled", False):
        problem = f"The model is {model!r}, which is not compiled: call model.compile(...) before"
    elif not 0 <= initial_epoch < epochs:
        problem = f"epochs is {epochs} and initial_epoch is {initial_epoch}: epochs is where to "
        problem += "stop, counted from 0, so it must be larger"
    elif batch_size < 1:
        problem = f"batch_size is {batch_size}: give at least 1 image per batch"
    elif not 0 <= validation_split < 1:
        problem = f"validation_split is {validation_split}: give a share from 0 to less than 1"
    elif seed is not None and seed < 0:
        problem = f"seed is {seed}: give an integer of 0 or more"
    else:
        return
    raise CourseError(f"{problem}.")


def _obstacle(
    model: keras.Model, arrays: Sequence[Any], callbacks: list[Any], given: dict[str, Any]
) -> str | None:
    """Say what keeps an epoch from being one compiled program, as far as can be seen up front."""
    for name in _ONLY_KERAS:
        if given[name] is not None:
            return f"{name} is given"
    if not isinstance(given["validation_freq"], int):
        return "validation_freq is not one number"
    if keras.backend.backend() != "tensorflow":
        return f"Keras runs on {keras.backend.backend()} instead of TensorFlow"
    if model.run_eagerly:
        return "the model was compiled with run_eagerly=True"
    if model.distribute_strategy.num_replicas_in_sync > 1:
        return "the model is distributed over several devices"
    for method in _MODEL_METHODS:
        if _overrides(model, keras.Model, method):
            return f"{type(model).__name__} defines its own {method}"
    for layer in model._flatten_layers():
        if getattr(layer, "stateful", False):
            return f"the layer {layer.name} keeps its state from batch to batch (stateful=True)"
    for callback in callbacks:
        for method in _BATCH_METHODS:
            if _overrides(callback, keras.callbacks.Callback, method) and not _idle(callback):
                return f"{type(callback).__name__} is to be called at every batch ({method})"
    for array in arrays:
        if not isinstance(array, np.ndarray | tf.Tensor):
            return f"the data is of type {type(array).__name__}, not an array"
    return None


_ONLY_KERAS = ("class_weight", "sample_weight", "steps_per_epoch", "validation_steps")
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


def split(images: Any, labels: Any, validation_split: float) -> tuple[Arrays, Arrays | None]:
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


def _build(model: keras.Model, images: tf.Tensor, labels: tf.Tensor) -> None:
    """Create every variable, because a compiled loop cannot."""
    if _overrides(model, keras.Model, "compute_loss"):
        # Keras would call it as in validation, and a loss of one's own may tell the difference.
        step = tf.function(model.train_step, autograph=False)
        step.get_concrete_function((images, labels))
    model._symbolic_build(data_batch=(images, labels))


def _check_labels(model: keras.Model, images: tf.Tensor, labels: tf.Tensor) -> None:
    """Refuse labels outside the model's classes: a compiled program would compute NaN of them."""
    loss = keras.losses.get(model.loss) if isinstance(model.loss, str) else model.loss
    kind = keras.losses.SparseCategoricalCrossentropy
    plain = loss is keras.losses.sparse_categorical_crossentropy
    if not (plain or (type(loss) is kind and loss.ignore_class is None)):
        return
    lowest, highest = int(tf.reduce_min(labels)), int(tf.reduce_max(labels))
    classes = model.compute_output_shape(images.shape)[-1]
    if lowest < 0 or highest >= classes:
        raise CourseError(
            f"The labels are from {lowest} to {highest}, but the model has {classes} outputs: "
            "check that each label is one of its classes, counted from 0."
        )


def _draw(n: int, seed: int, epoch: int, shuffle: bool) -> tuple[tf.Tensor, tf.Tensor]:
    """Draw the order of the images and the seed for `prepare_epoch` of one epoch."""
    for_order, for_images = np.random.SeedSequence([seed, epoch]).spawn(2)
    order = np.random.default_rng(for_order).permutation(n) if shuffle else np.arange(n)
    epoch_seed = for_images.generate_state(2).view(np.int32)
    return tf.convert_to_tensor(order, tf.int32), tf.convert_to_tensor(epoch_seed)
