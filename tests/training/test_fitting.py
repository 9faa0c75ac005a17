"""Train by `fit` and by Keras's own `model.fit`, which is the oracle, and compare."""

import inspect
import os
import warnings
from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

from mnist_course._structure import structure_of
from mnist_course.errors import CourseError
from mnist_course.models import build_mlp
from mnist_course.training.fitting import fit

RNG = np.random.default_rng(0)
CENTERS = RNG.random((10, 12, 12), np.float32)
LABELS = RNG.integers(0, 10, 250)
IMAGES = (CENTERS[LABELS] + RNG.normal(0, 0.3, (250, 12, 12))).astype(np.float32)
# Seven batches of 32 images and one of 26.
SETTINGS = {"epochs": 2, "batch_size": 32, "validation_split": 0.0, "verbose": 0}
# Six batches of 32 and one of 8 for training, one of 32 and one of 18 for validation.
VALIDATED = SETTINGS | {"validation_split": 0.2}


def compiled(*layers, optimizer="adam", loss="sparse_categorical_crossentropy", shape=(12, 12)):
    model = keras.Sequential([keras.Input(shape), *layers])
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


def small(optimizer="adam", *, loss="sparse_categorical_crossentropy", regularizer=None):
    return compiled(
        keras.layers.Flatten(),
        keras.layers.Dense(16, activation="relu", kernel_regularizer=regularizer),
        keras.layers.Dense(10, activation="softmax"),
        optimizer=optimizer,
        loss=loss,
    )


def with_batch_normalization():
    return compiled(
        keras.layers.Flatten(),
        keras.layers.Dense(16, use_bias=False),
        keras.layers.BatchNormalization(),
        keras.layers.ReLU(),
        keras.layers.Dropout(0.0),
        keras.layers.Dense(10, activation="softmax"),
    )


def convolutional():
    return compiled(
        keras.layers.Reshape((12, 12, 1)),
        keras.layers.Conv2D(4, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        keras.layers.Dense(10, activation="softmax"),
    )


def not_compilable():
    """Return a model with an operation that XLA does not know."""
    strings = keras.layers.Lambda(
        lambda x: x + 0 * tf.strings.to_number(tf.strings.as_string(x)), output_shape=(12, 12)
    )
    return compiled(strings, keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax"))


def twins(build):
    keras.utils.set_random_seed(1)
    one, other = build(), build()
    other.set_weights(one.get_weights())
    return one, other


def assert_same_training(ours, oracle, our_history=None, oracle_history=None):
    for our, expected in zip(ours.weights, oracle.weights, strict=True):
        np.testing.assert_allclose(our, expected, rtol=1e-4, atol=1e-6, err_msg=our.path)
    for our, expected in zip(ours.optimizer.variables, oracle.optimizer.variables, strict=True):
        np.testing.assert_allclose(our, expected, rtol=1e-4, atol=1e-6, err_msg=our.path)
    if our_history is not None:
        assert list(our_history.history) == list(oracle_history.history)
        assert our_history.epoch == oracle_history.epoch
        for name, expected in oracle_history.history.items():
            np.testing.assert_allclose(our_history.history[name], expected, rtol=1e-4)
            assert {type(value) for value in our_history.history[name]} == {float}


MODELS = {
    "the reference network": build_mlp,
    "batch normalization": with_batch_normalization,
    "convolutions": convolutional,
}


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(build, id=name, marks=[pytest.mark.slow] * (name != "the reference network"))
        for name, build in MODELS.items()
    ],
)
def test_training_and_history_equal_those_of_keras(build):
    ours, oracle = twins(build)
    images = np.pad(IMAGES, ((0, 0), (8, 8), (8, 8))) if build is build_mlp else IMAGES
    expected = oracle.fit(images, LABELS, shuffle=False, **VALIDATED)
    actual = fit(ours, images, LABELS, shuffle=False, **VALIDATED)
    assert_same_training(ours, oracle, actual, expected)


OPTIMIZERS = {
    "cosine schedule": lambda: keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(0.01, 20)
    ),
    "moving average": lambda: keras.optimizers.Adam(
        use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=3
    ),
    "moving average at the end": lambda: keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9),
    "gradients clipped": lambda: keras.optimizers.Adam(clipnorm=0.01),
    "momentum": lambda: keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "weight decay and accumulated gradients": lambda: keras.optimizers.AdamW(
        weight_decay=0.1, gradient_accumulation_steps=2
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("build", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_every_feature_of_the_optimizer_works_as_in_keras(build):
    ours, oracle = twins(lambda: small(build()))
    expected = oracle.fit(IMAGES, LABELS, shuffle=False, **SETTINGS)
    actual = fit(ours, IMAGES, LABELS, shuffle=False, **SETTINGS)
    assert_same_training(ours, oracle, actual, expected)


@pytest.mark.slow
def test_losses_of_regularization_count_as_in_keras():
    ours, oracle = twins(lambda: small(regularizer=keras.regularizers.L2(0.01)))
    expected = oracle.fit(IMAGES, LABELS, shuffle=False, **VALIDATED)
    actual = fit(ours, IMAGES, LABELS, shuffle=False, **VALIDATED)
    assert_same_training(ours, oracle, actual, expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("images", "labels", "loss"),
    [
        (IMAGES.astype(np.float64), LABELS.astype(np.uint8), "sparse_categorical_crossentropy"),
        (tf.constant(IMAGES), tf.constant(LABELS[:, None]), "sparse_categorical_crossentropy"),
        (IMAGES, np.eye(10)[LABELS], "categorical_crossentropy"),
    ],
    ids=["float64 and uint8", "tensors, labels in a column", "one-hot"],
)
def test_images_and_labels_may_be_of_any_kind_that_keras_takes(images, labels, loss):
    ours, oracle = twins(lambda: small(loss=loss))
    expected = oracle.fit(images, labels, shuffle=False, **SETTINGS)
    assert_same_training(
        ours, oracle, fit(ours, images, labels, shuffle=False, **SETTINGS), expected
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"validation_data": (IMAGES[:40], LABELS[:40])},
        {"validation_split": 0.33, "batch_size": 1000},
        {"batch_size": 50, "epochs": 5, "initial_epoch": 3},
        {"batch_size": None, "callbacks": None},
        {"callbacks": keras.callbacks.CSVLogger(os.devnull)},
        {"callbacks": [[keras.callbacks.CSVLogger(os.devnull)], keras.callbacks.Callback()]},
        {"epochs": 5, "validation_split": 0.2, "validation_freq": 2},
        {"validation_split": 0.2, "validation_batch_size": 7},
    ],
    ids=[
        "validation data",
        "one batch",
        "no partial batch, later epochs",
        "nothing",
        "one callback",
        "lists of callbacks",
        "validation now and then",
        "other batches in validation",
    ],
)
def test_settings_mean_what_they_mean_in_keras(settings):
    ours, oracle = twins(small)
    expected = oracle.fit(IMAGES, LABELS, shuffle=False, **SETTINGS | settings)
    actual = fit(ours, IMAGES, LABELS, shuffle=False, **SETTINGS | settings)
    assert_same_training(ours, oracle, actual, expected)


def test_arguments_and_defaults_are_those_of_keras():
    _, *ours = inspect.signature(fit).parameters.values()
    _, *oracle = inspect.signature(keras.Model.fit).parameters.values()
    assert [(p.name, p.default) for p in ours[:-2]] == [(p.name, p.default) for p in oracle]
    assert [(p.name, p.default) for p in ours[-2:]] == [("seed", None), ("prepare_epoch", None)]


def test_by_default_there_is_one_epoch_without_validation():
    history = fit(small(), IMAGES, LABELS, verbose=0)
    assert history.epoch == [0]
    assert list(history.history) == ["accuracy", "loss"]


@pytest.mark.slow
def test_images_may_come_in_batches_of_one_size_only():
    def build():
        model = keras.Sequential([keras.Input(batch_shape=(25, 12, 12)), keras.layers.Flatten()])
        model.add(keras.layers.Dense(10, activation="softmax"))
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    ours, oracle = twins(build)
    settings = SETTINGS | {"batch_size": 25, "shuffle": False}
    expected = oracle.fit(IMAGES, LABELS, **settings)
    assert_same_training(ours, oracle, fit(ours, IMAGES, LABELS, **settings), expected)


def test_a_loss_of_ones_own_is_first_computed_in_training():
    modes = []

    class OwnLoss(keras.Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            modes.append(training)
            return super().compute_loss(x, y, y_pred, sample_weight, training)

    model = OwnLoss([keras.Input((12, 12)), keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    keras_first = []
    model.fit(IMAGES, LABELS, batch_size=250, verbose=0)
    keras_first, modes[:] = modes[0], []
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    fit(model, IMAGES, LABELS, batch_size=250, verbose=0)
    assert modes[0] is keras_first is True


@pytest.mark.slow
def test_a_model_not_yet_built_trains_as_in_keras():
    def build():
        model = keras.Sequential(
            [keras.layers.Flatten(), keras.layers.Dense(10, kernel_initializer="zeros")]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("sgd", loss, metrics=["accuracy"])
        return model

    ours, oracle = build(), build()
    expected = oracle.fit(IMAGES, LABELS, shuffle=False, **SETTINGS)
    assert_same_training(
        ours, oracle, fit(ours, IMAGES, LABELS, shuffle=False, **SETTINGS), expected
    )


@pytest.mark.slow
def test_dropout_drops_afresh_in_training_and_not_in_validation():
    images = np.ones((64, 144), np.float32)
    model = keras.Sequential([keras.Input((144,)), keras.layers.Dropout(0.5, seed=1)])
    model.compile("sgd", "mean_absolute_percentage_error")
    seed = model.layers[0].seed_generator.state
    drawn = []
    draw = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: drawn.append(seed.numpy().copy()))
    with pytest.warns(UserWarning, match="does not have any trainable weights"):
        history = fit(model, images, images, callbacks=[draw], **VALIDATED).history
    # An input of 1 becomes 0 or 2, an error of 100% either way.
    np.testing.assert_allclose(history["loss"], 100, rtol=1e-6)
    assert history["val_loss"] == [0.0, 0.0]
    assert drawn[0].tolist() != drawn[1].tolist()


def test_two_epochs_and_two_more_equal_four():
    whole, halves = twins(small)
    fit(whole, IMAGES, LABELS, seed=7, **SETTINGS | {"epochs": 4})
    fit(halves, IMAGES, LABELS, seed=7, **SETTINGS)
    fit(halves, IMAGES, LABELS, seed=7, **SETTINGS | {"epochs": 4, "initial_epoch": 2})
    assert_same_training(halves, whole)


@pytest.mark.slow
def test_training_continues_from_a_saved_model(tmp_path):
    whole, first = twins(small)
    fit(whole, IMAGES, LABELS, seed=7, **SETTINGS | {"epochs": 4})
    fit(first, IMAGES, LABELS, seed=7, **SETTINGS)
    first.save(tmp_path / "model.keras")
    second = keras.models.load_model(tmp_path / "model.keras")
    fit(second, IMAGES, LABELS, seed=7, **SETTINGS | {"epochs": 4, "initial_epoch": 2})
    assert_same_training(second, whole)


@pytest.mark.slow
def test_keras_can_continue_what_we_began_and_the_reverse():
    ours, oracle = twins(small)
    for _ in range(2):
        oracle.fit(IMAGES, LABELS, shuffle=False, **SETTINGS)
    fit(ours, IMAGES, LABELS, shuffle=False, **SETTINGS)
    ours.fit(IMAGES, LABELS, shuffle=False, **SETTINGS)
    assert_same_training(ours, oracle)
    fit(ours, IMAGES, LABELS, shuffle=False, **SETTINGS)
    oracle.fit(IMAGES, LABELS, shuffle=False, **SETTINGS)
    assert_same_training(ours, oracle)


def steps_of_each_image(n=50, *, keras_itself=False, **settings):
    """Return the sum of the steps, counted from 1, at which each of `n` images was used.

    Image i is row i of the identity, so its gradient reaches weight i alone; it is -1, and the
    learning rate is the number of the step.
    """
    weights = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((n,)), weights])
    total = keras.losses.MeanAbsoluteError(reduction="sum")

    class StepNumber(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return keras.ops.cast(step + 1, "float32")

    model.compile(keras.optimizers.SGD(StepNumber()), total)
    settings = {"epochs": 1, "batch_size": 8, "validation_split": 0.0, "verbose": 0} | settings
    targets = np.full((n, 1), 1e6, np.float32)
    if keras_itself:
        model.fit(np.eye(n, dtype=np.float32), targets, **settings)
    else:
        fit(model, np.eye(n, dtype=np.float32), targets, **settings)
    return weights.kernel.numpy()[:, 0].astype(int).tolist()


@pytest.mark.slow
def test_every_image_is_used_once_in_an_epoch():
    once_each = sorted(steps_of_each_image(keras_itself=True))
    assert sorted(steps_of_each_image(seed=3)) == once_each
    assert steps_of_each_image(shuffle=False) == once_each
    assert steps_of_each_image(seed=3) != once_each


def test_the_order_follows_from_the_seed():
    assert steps_of_each_image(seed=3) == steps_of_each_image(seed=3)
    assert steps_of_each_image(seed=3) != steps_of_each_image(seed=4)


@pytest.mark.slow
def test_the_order_changes_from_epoch_to_epoch_whether_resumed_or_not():
    first = np.array(steps_of_each_image(seed=3, epochs=1))
    second = np.array(steps_of_each_image(seed=3, epochs=2, initial_epoch=1))
    steps_before = 7
    both = np.array(steps_of_each_image(seed=3, epochs=2))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(both, first + second + steps_before)


@pytest.mark.slow
def test_without_a_seed_the_random_state_of_keras_decides():
    orders = []
    for state in (1, 1, 2):
        keras.utils.set_random_seed(state)
        orders.append(steps_of_each_image())
    assert orders[0] == orders[1] != orders[2]


@pytest.mark.slow
def test_preparation_is_compiled_in_and_drawn_afresh_each_epoch():
    def noisy(images, epoch_seed):
        return images + tf.random.stateless_normal(images.shape, epoch_seed)

    model = small(keras.optimizers.SGD(0.0))

    def with_noise(seed, epochs, initial_epoch=0):
        settings = VALIDATED | {"epochs": epochs, "initial_epoch": initial_epoch}
        return fit(model, IMAGES, LABELS, seed=seed, prepare_epoch=noisy, **settings).history

    losses = with_noise(3, epochs=3)["loss"]
    assert len(set(losses)) == 3
    np.testing.assert_allclose(with_noise(3, 3, initial_epoch=2)["loss"], losses[2:], rtol=1e-6)
    assert with_noise(4, epochs=3)["loss"] != losses
    assert len(set(with_noise(3, epochs=3)["val_loss"])) == 1


@pytest.mark.slow
@pytest.mark.parametrize("build", [small, convolutional])
def test_preparation_gives_what_training_on_prepared_images_gives(build):
    ours, oracle = twins(build)
    oracle.fit(1 - IMAGES, LABELS, shuffle=False, **SETTINGS)
    fit(ours, IMAGES, LABELS, prepare_epoch=lambda x, _: 1 - x, shuffle=False, **SETTINGS)
    assert_same_training(ours, oracle)


def test_preparation_must_return_as_many_images_as_it_got():
    with pytest.raises(CourseError, match="made 100 images out of 250"):
        fit(small(), IMAGES, LABELS, prepare_epoch=lambda images, _: images[:100], **SETTINGS)


@pytest.mark.slow
def test_early_stopping_stops_and_restores_as_in_keras():
    def stopping():
        return keras.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True)

    ours, oracle = twins(lambda: small(keras.optimizers.Adam(0.1)))
    settings = VALIDATED | {"epochs": 30, "shuffle": False}
    expected = oracle.fit(IMAGES, LABELS, callbacks=[stopping()], **settings)
    actual = fit(ours, IMAGES, LABELS, callbacks=[stopping()], **settings)
    assert 1 < len(expected.epoch) < 30
    assert actual.epoch == expected.epoch
    assert list(actual.history) == list(expected.history)
    np.testing.assert_allclose(
        ours.evaluate(IMAGES, LABELS, verbose=0),
        oracle.evaluate(IMAGES, LABELS, verbose=0),
        rtol=1e-3,
    )


@pytest.mark.slow
def test_learning_rate_is_reduced_between_epochs_as_in_keras():
    def reducing():
        return keras.callbacks.ReduceLROnPlateau("loss", factor=0.1, patience=1, min_delta=10)

    ours, oracle = twins(small)
    settings = SETTINGS | {"epochs": 4, "shuffle": False}
    expected = oracle.fit(IMAGES, LABELS, callbacks=[reducing()], **settings)
    actual = fit(ours, IMAGES, LABELS, callbacks=[reducing()], **settings)
    assert_same_training(ours, oracle, actual, expected)
    assert actual.history["learning_rate"][-1] < actual.history["learning_rate"][0]


@pytest.mark.slow
def test_checkpoints_and_logs_are_written_as_in_keras(tmp_path):
    def observed(train, folder):
        folder.mkdir()
        checkpoints = keras.callbacks.ModelCheckpoint(folder / "{epoch}.keras")
        log = keras.callbacks.CSVLogger(folder / "log.csv")
        train(IMAGES, LABELS, shuffle=False, callbacks=[checkpoints, log], **VALIDATED)
        table = np.genfromtxt(folder / "log.csv", delimiter=",", names=True)
        return keras.models.load_model(folder / "1.keras"), table

    ours, oracle = twins(small)
    ours, log = observed(partial(fit, ours), tmp_path / "a")
    oracle, expected = observed(oracle.fit, tmp_path / "b")
    assert_same_training(ours, oracle)
    assert log.dtype == expected.dtype
    for column in expected.dtype.names:
        np.testing.assert_allclose(log[column], expected[column], rtol=1e-4)


@pytest.mark.slow
def test_tensorboard_gets_the_scalars_that_keras_writes(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorflow.python.summary.summary_iterator import summary_iterator

    def scalars(train, folder):
        board = keras.callbacks.TensorBoard(folder)
        train(IMAGES, LABELS, shuffle=False, callbacks=[board], **VALIDATED)
        return {
            (file.parent.name, value.tag, event.step): float(tf.make_ndarray(value.tensor))
            for file in folder.rglob("*tfevents*")
            for event in summary_iterator(str(file))
            for value in event.summary.value
            if value.tag.startswith(("epoch_", "evaluation_"))
        }

    ours, oracle = twins(small)
    actual = scalars(partial(fit, ours), tmp_path / "a")
    expected = scalars(oracle.fit, tmp_path / "b")
    assert expected
    assert actual == pytest.approx(expected, rel=1e-4)


@pytest.mark.slow
def test_callbacks_are_called_in_the_order_of_keras():
    def called(train):
        calls = []

        class Recorder(keras.callbacks.Callback):
            def set_params(self, params):
                calls.append(("set_params", params["epochs"], params["steps"]))

            def on_train_begin(self, logs=None):
                calls.append(("train begins", logs))

            def on_epoch_begin(self, epoch, logs=None):
                calls.append(("epoch begins", epoch, logs))

            def on_test_begin(self, logs=None):
                calls.append(("test begins", logs))

            def on_test_end(self, logs=None):
                calls.append(("test ends", sorted(logs)))

            def on_epoch_end(self, epoch, logs=None):
                calls.append(("epoch ends", epoch, sorted(logs)))

            def on_train_end(self, logs=None):
                calls.append(("train ends", sorted(logs)))

        train(IMAGES, LABELS, callbacks=[Recorder()], **VALIDATED)
        return calls

    ours, oracle = twins(small)
    assert called(partial(fit, ours)) == called(oracle.fit)


class OwnStep(keras.Sequential):
    def train_step(self, data):
        return super().train_step(data)


class EachBatch(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass


def own_step():
    keras.utils.set_random_seed(1)
    model = OwnStep([keras.Input((12, 12)), keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def eager():
    model = small()
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    return model


def stateful():
    model = keras.Sequential(
        [
            keras.Input(batch_shape=(25, 12, 12)),
            keras.layers.LSTM(4, stateful=True),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


HANDED_OVER = {
    "own train_step": (own_step, dict, "OwnStep defines its own train_step"),
    "run eagerly": (eager, dict, "run_eagerly=True"),
    "not compilable": (not_compilable, dict, "XLA cannot compile the model"),
    "batch callback": (small, lambda: {"callbacks": [EachBatch()]}, "EachBatch is to be called"),
    "batch lambda": (
        small,
        lambda: {
            "callbacks": [
                keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: None)
            ]
        },
        "LambdaCallback is to be called",
    ),
    "checkpoint every few batches": (
        small,
        lambda: {"callbacks": [keras.callbacks.ModelCheckpoint("x.keras", save_freq=1000)]},
        "ModelCheckpoint is to be called",
    ),
    "class weights": (small, lambda: {"class_weight": {3: 2.0}}, "class_weight is given"),
    "sample weights": (
        small,
        lambda: {"sample_weight": np.linspace(0, 1, 250)},
        "sample_weight is given",
    ),
    "steps": (small, lambda: {"steps_per_epoch": 2}, "steps_per_epoch is given"),
    "validation steps": (small, lambda: {"validation_steps": 1}, "validation_steps is given"),
    "epochs of validation": (
        small,
        lambda: {"validation_freq": [2]},
        "validation_freq is not one number",
    ),
    "stateful": (stateful, lambda: {"batch_size": 25}, "keeps its state from batch to batch"),
    "validation data set": (
        small,
        lambda: {"validation_data": tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(50)},
        "the data is of type",
    ),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*steps_per_execution.*")
@pytest.mark.parametrize(("build", "extra", "reason"), HANDED_OVER.values(), ids=HANDED_OVER.keys())
def test_what_cannot_be_compiled_is_handed_to_keras_with_one_warning(build, extra, reason, capfd):
    ours, oracle = twins(build)
    settings = VALIDATED | {"shuffle": False}
    expected = oracle.fit(IMAGES, LABELS, **settings | extra())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        actual = fit(ours, IMAGES, LABELS, **settings | extra())
    ours_only = [w for w in caught if "slower model.fit" in str(w.message)]
    assert len(ours_only) == 1
    assert reason in str(ours_only[0].message)
    assert ours_only[0].filename == __file__
    assert_same_training(ours, oracle, actual, expected)


@pytest.mark.filterwarnings("ignore:`shuffle=True` was passed")
def test_a_data_set_is_handed_to_keras():
    data = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(32)
    ours, oracle = twins(small)
    expected = oracle.fit(data, epochs=2, verbose=0)
    with pytest.warns(UserWarning, match="not an array"):
        actual = fit(ours, data, None, epochs=2, verbose=0)
    assert_same_training(ours, oracle, actual, expected)


def test_preparation_is_never_dropped_in_silence():
    with pytest.raises(CourseError, match="EachBatch"):
        fit(
            small(),
            IMAGES,
            LABELS,
            prepare_epoch=lambda images, _: images,
            callbacks=[EachBatch()],
            **SETTINGS,
        )


@pytest.mark.slow
def test_the_compiled_programs_are_kept_until_the_model_is_compiled_anew():
    traces = []

    def counted(images, epoch_seed):
        traces.append(images.shape)
        return images

    model = small()
    settings = SETTINGS | {"prepare_epoch": counted}
    fit(model, IMAGES, LABELS, **settings)
    fit(model, IMAGES, LABELS, **settings)
    assert len(traces) == 1
    model.compile("sgd", "sparse_categorical_crossentropy")
    fit(model, IMAGES, LABELS, **settings)
    assert len(traces) == 2


@pytest.mark.slow
def test_a_model_that_was_stopped_trains_again():
    model = small()
    stopping = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: setattr(model, "stop_training", True)
    )
    assert fit(model, IMAGES, LABELS, callbacks=stopping, **SETTINGS).epoch == [0]
    assert fit(model, IMAGES, LABELS, **SETTINGS).epoch == [0, 1]


def programs_of(model):
    _, programs = vars(model)["_epoch_programs"]
    return [*programs.values()]


@pytest.mark.slow
def test_a_second_model_of_the_same_structure_shares_the_programs():
    def build():
        return small(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.01, 16)))

    settings = SETTINGS | {"shuffle": False}
    first = build()
    fit(first, IMAGES, LABELS, **settings)
    weights = first.get_weights()
    ours, oracle = twins(build)
    expected = oracle.fit(IMAGES, LABELS, **settings)
    actual = fit(ours, IMAGES, LABELS, **settings)
    assert programs_of(ours) == programs_of(first)
    assert_same_training(ours, oracle, actual, expected)
    for kept, now in zip(weights, first.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, now)


def relu(x):
    """Not Keras's relu, though it is called so."""
    return keras.ops.maximum(x, 0.1 * x)


def with_activation(activation):
    return compiled(
        keras.layers.Flatten(),
        keras.layers.Dense(16, activation=activation),
        keras.layers.Dense(10, activation="softmax"),
    )


def adapted(to):
    layer = keras.layers.Normalization(axis=None)
    layer.adapt(to)
    return compiled(layer, keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax"))


def frozen():
    model = small()
    model.layers[1].trainable = False
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def without_decay_of_biases():
    optimizer = keras.optimizers.AdamW(weight_decay=0.1)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return small(optimizer)


DIFFERENT = pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda: with_activation("relu"), lambda: with_activation(relu)),
        (lambda: adapted(IMAGES), lambda: adapted(5 * IMAGES)),
        (small, frozen),
        (lambda: small(keras.optimizers.AdamW(weight_decay=0.1)), without_decay_of_biases),
        (
            lambda: small(regularizer=keras.regularizers.L2(0.01)),
            lambda: small(regularizer=keras.regularizers.L2(0.02)),
        ),
        (
            lambda: small(keras.optimizers.Adam(clipnorm=1.0)),
            lambda: small(keras.optimizers.Adam(clipnorm=0.5)),
        ),
    ],
    ids=["own relu", "adapted to data", "frozen", "excluded variables", "regularizer", "clipping"],
)


@DIFFERENT
def test_models_that_differ_have_different_structures(one, other):
    structures = []
    for build in (one, other):
        model = build()
        model._symbolic_build(data_batch=(IMAGES[:32], LABELS[:32]))
        structures.append(structure_of(model))
    # None is the structure of models that share with no other.
    assert structures[0] is None or structures[0] != structures[1]
    assert structures[1] is None or structures[0] != structures[1]


@pytest.mark.nightly
@DIFFERENT
def test_models_that_differ_train_as_in_keras_one_after_the_other(one, other):
    for build in (one, other):
        ours, oracle = twins(build)
        settings = SETTINGS | {"epochs": 1, "shuffle": False}
        expected = oracle.fit(IMAGES, LABELS, **settings)
        assert_same_training(ours, oracle, fit(ours, IMAGES, LABELS, **settings), expected)


@pytest.mark.slow
def test_training_follows_a_model_that_is_compiled_anew():
    ours, oracle = twins(small)
    settings = SETTINGS | {"shuffle": False}
    fit(ours, IMAGES, LABELS, **settings)
    oracle.fit(IMAGES, LABELS, **settings)
    for model in (ours, oracle):
        model.layers[1].trainable = False
        model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    expected = oracle.fit(IMAGES, LABELS, **settings)
    assert_same_training(ours, oracle, fit(ours, IMAGES, LABELS, **settings), expected)


WRONG = {
    "not compiled": ({"model": keras.Sequential([keras.Input((12, 12))])}, "not compiled"),
    "lengths differ": ({"y": LABELS[:-1]}, r"\(250, 12, 12\) and labels of shape \(249,\)"),
    "empty": ({"x": IMAGES[:0], "y": LABELS[:0]}, "at least one image"),
    "a single number": ({"y": np.array(3)}, "one label for each"),
    "validation differs": (
        {"validation_data": (IMAGES, LABELS[:3])},
        r"validation images of shape \(250, 12, 12\) and labels of shape \(3,\)",
    ),
    "split of 1": ({"validation_split": 1.0}, "validation_split is 1.0"),
    "negative split": ({"validation_split": -0.1}, "validation_split is -0.1"),
    "nothing to train on": (
        {"x": IMAGES[:2], "y": LABELS[:2], "validation_split": 0.9},
        "leaves 0 of 2",
    ),
    "no epoch": ({"epochs": 0}, "epochs is 0"),
    "epochs done already": ({"epochs": 2, "initial_epoch": 2}, "initial_epoch is 2"),
    "empty batch": ({"batch_size": 0}, "batch_size is 0"),
    "negative seed": ({"seed": -1}, "seed is -1"),
    "label outside the classes": (
        {"y": LABELS + 1},
        "labels are from 1 to 10, but the model has 10 outputs",
    ),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG.keys())
def test_bad_input_is_one_clear_sentence(change, message):
    arguments = {"model": small(), "x": IMAGES, "y": LABELS} | SETTINGS | change
    with pytest.raises(CourseError, match=message) as caught:
        fit(**arguments)
    assert str(caught.value).count(". ") == 0


@pytest.mark.slow
def test_progress_is_a_tenth_of_the_epochs_when_nobody_watches(capfd):
    fit(small(), IMAGES, LABELS, **VALIDATED | {"epochs": 25, "verbose": "auto"})
    out, err = capfd.readouterr()
    lines = [line for line in err.splitlines() if line.startswith("Epoch ")]
    assert out == ""
    assert [line.split()[1] for line in lines] == [
        *(f"{epoch}/25" for epoch in range(3, 25, 3)),
        "25/25",
    ]
    assert all("accuracy" in line and "val_loss" in line for line in lines)
    assert lines[-1].endswith("0:00:00 left")


@pytest.mark.slow
def test_progress_can_be_silenced(capfd):
    fit(small(), IMAGES, LABELS, **SETTINGS)
    out, err = capfd.readouterr()
    assert out == ""
    assert "Epoch" not in err
