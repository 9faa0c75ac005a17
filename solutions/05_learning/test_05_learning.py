"""Hidden tests of assignment 05."""

from itertools import pairwise

import numpy as np
import pytest
import tensorflow as tf

from mnist_course import normalize
from mnist_course.checks.learning import GOAL, IMAGES, NAPKIN


def assert_slopes(student, names):
    slopes = student.json("slopes")
    assert isinstance(slopes, dict)
    for name in names:
        value = slopes.get(name)
        assert isinstance(value, int | float)
        np.testing.assert_allclose(value, NAPKIN[name])


@pytest.mark.points(1, cell="check_napkin")
def test_napkin_at_the_outputs_and_their_weights(student):
    """On the napkin, the slopes at y1, y2, v11, and v21 should be right: twice the miss at an \
    output, and what came in through a weight times the slope at its output."""
    assert_slopes(student, ["y1", "y2", "v11", "v21"])


@pytest.mark.points(1, cell="check_napkin")
def test_napkin_in_the_hidden_layer(student):
    """On the napkin, the slopes at h1, h2, z1, z2, w1, b1, and w2 should be right: paths add up, \
    and nothing passes a closed gate."""
    assert_slopes(student, ["h1", "h2", "z1", "z2", "w1", "b1", "w2"])


def layer(rng, images, inputs, units):
    """Draw inputs, weights, and errors, and find the slopes by automatic differentiation."""
    arrays = [
        rng.normal(size=shape) for shape in ((images, inputs), (inputs, units), (images, units))
    ]
    x, weights = map(tf.Variable, arrays[:2])
    biases = tf.Variable(np.zeros(units))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum((x @ weights + biases) * arrays[2])
    return arrays, tape.gradient(loss, [weights, biases, x])


SHAPES = [(2, 2, 2), (1, 6, 3), (5, 5, 5), (4, 3, 7), (30, 8, 4)]


def assert_part_of_layer(student, rng, part):
    for shape in SHAPES:
        arrays, expected = layer(rng, *shape)
        answer, after = student.call("dense_back", *arrays, after=True)
        np.testing.assert_allclose(answer[part], expected[part], rtol=1e-6, atol=1e-8)
        for before, now in zip(arrays, after, strict=True):
            np.testing.assert_array_equal(now, before)


@pytest.mark.points(1, cell="check_dense_back")
def test_slopes_of_weights(student, rng):
    """The first part of `dense_back` should be the slopes of the weights, every input times every \
    error, added up over the images; what it was given should stay as it is."""
    assert_part_of_layer(student, rng, 0)


@pytest.mark.points(1, cell="check_dense_back")
def test_slopes_of_biases(student, rng):
    """The second part of `dense_back` should be the slopes of the biases, one for each neuron: \
    its errors, added up over the images."""
    assert_part_of_layer(student, rng, 1)


@pytest.mark.points(1, cell="check_dense_back")
def test_slopes_of_inputs(student, rng):
    """The third part of `dense_back` should be the slopes of the inputs, a row for each image: \
    each error times the weight that it comes back through, added up over the neurons."""
    assert_part_of_layer(student, rng, 2)


@pytest.mark.points(1, cell="check_relu_back")
def test_gates(student, rng):
    """`relu_back` should pass the slopes of neurons that put out more than 0 unchanged, make the \
    others 0, and leave what it was given as it is."""
    for shape in ((1, 8), (6, 6), (20, 5)):
        sums = tf.Variable(rng.normal(0, rng.uniform(0.1, 3), shape))
        slopes = rng.normal(size=shape)
        with tf.GradientTape() as tape:
            hidden = tf.nn.relu(sums)
            loss = tf.reduce_sum(hidden * slopes)
        given = hidden.numpy(), slopes
        answer, after = student.call("relu_back", *given, after=True)
        np.testing.assert_allclose(answer, tape.gradient(loss, sums))
        for before, now in zip(given, after, strict=True):
            np.testing.assert_array_equal(now, before)


def assert_slopes_at_logits(student, rng, images, digits):
    logits = tf.Variable(rng.normal(0, 2, (images, digits)))
    labels = rng.integers(0, digits, images, dtype=np.uint8)
    with tf.GradientTape() as tape:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels.astype("int64"), logits)
        loss = tf.reduce_mean(losses)
    given = tf.nn.softmax(logits).numpy(), labels
    answer, after = student.call("loss_back", *given, after=True)
    np.testing.assert_allclose(answer, tape.gradient(loss, logits), rtol=1e-6, atol=1e-9)
    for before, now in zip(given, after, strict=True):
        np.testing.assert_array_equal(now, before)


@pytest.mark.points(1, cell="check_loss_back")
def test_slopes_at_the_logits_of_one_image(student, rng):
    """For one image, `loss_back` should be the probabilities, minus 1 at the right digit, in a \
    new array."""
    for digits in (3, 10):
        assert_slopes_at_logits(student, rng, 1, digits)


@pytest.mark.points(1, cell="check_loss_back")
def test_slopes_at_the_logits_of_a_batch(student, rng):
    """For several images, `loss_back` should have a row for each, divided by the number of \
    images, because the loss is their mean."""
    for images, digits in ((2, 3), (4, 4), (25, 10), (int(rng.integers(30, 90)), 10)):
        assert_slopes_at_logits(student, rng, images, digits)


def draw_network(rng, images, *sizes):
    layers = [
        (rng.normal(size=(inputs, units)), rng.normal(0, 0.3, units))
        for inputs, units in pairwise(sizes)
    ]
    x = rng.normal(size=(images, sizes[0]))
    return x, rng.integers(0, sizes[-1], images, dtype=np.uint8), layers


def true_gradients(x, y, layers):
    variables = [tuple(map(tf.Variable, pair)) for pair in layers]
    (w1, b1), (w2, b2), (w3, b3) = variables
    with tf.GradientTape() as tape:
        hidden = tf.nn.relu(tf.tanh(x @ w1 + b1) @ w2 + b2)
        logits = hidden @ w3 + b3
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y.astype("int64"), logits)
        loss = tf.reduce_mean(losses)
    return tape.gradient(loss, variables)


def assert_close(answer, expected):
    """Compare layers or their slopes, pair by pair."""
    assert len(answer) == len(expected)
    for pair, right in zip(answer, expected, strict=True):
        assert len(pair) == 2
        for part, right_part in zip(pair, right, strict=True):
            np.testing.assert_allclose(part, right_part, rtol=1e-6, atol=1e-9)


def assert_unchanged(after, given):
    for now, before in zip(after[:2], given[:2], strict=True):
        np.testing.assert_array_equal(now, before)
    assert_close(after[2], given[2])


NETWORKS = [(1, 6, 5, 4, 3), (5, 5, 5, 5, 5), (12, 7, 9, 6, 10), (30, 20, 4, 8, 10)]


def assert_layer_of_gradients(student, rng, number):
    for sizes in NETWORKS:
        given = draw_network(rng, *sizes)
        answer = student.call("gradients", *given)
        assert len(answer) == 3
        assert_close([answer[number]], [true_gradients(*given)[number]])


@pytest.mark.points(1, cell="check_gradients")
def test_gradients_of_the_last_layer(student, rng):
    """The last pair of `gradients` should be the slopes of the third layer's weights and biases, \
    for the mean loss of the batch."""
    assert_layer_of_gradients(student, rng, 2)


@pytest.mark.points(1, cell="check_gradients")
def test_gradients_of_the_second_layer(student, rng):
    """The second pair of `gradients` should be the slopes of the second layer, found by way of \
    the third layer's weights and ReLU's mask."""
    assert_layer_of_gradients(student, rng, 1)


@pytest.mark.points(1, cell="check_gradients")
def test_gradients_of_the_first_layer(student, rng):
    """The first pair of `gradients` should be the slopes of the first layer, found by way of the \
    second layer's weights and the slope of tanh, 1 minus its output squared."""
    assert_layer_of_gradients(student, rng, 0)


@pytest.mark.points(1, cell="check_gradients")
def test_gradients_of_everything(student, rng):
    """`gradients` should return a pair of slopes for each layer, in the order of the layers, and \
    leave what it was given as it is."""
    for sizes in NETWORKS:
        given = draw_network(rng, *sizes)
        answer, after = student.call("gradients", *given, after=True)
        assert_close(answer, true_gradients(*given))
        assert_unchanged(after, given)


def true_step(x, y, layers, rate):
    slopes = true_gradients(x, y, layers)
    return [
        tuple(
            old - rate * np.asarray(slope) for old, slope in zip(pair, pair_of_slopes, strict=True)
        )
        for pair, pair_of_slopes in zip(layers, slopes, strict=True)
    ]


@pytest.mark.points(1, cell="check_step")
def test_step_goes_downhill(student, rng):
    """`step` should move every weight and bias against its slope, by the rate times the slope."""
    for sizes in NETWORKS:
        given, rate = draw_network(rng, *sizes), 1e-3
        moved = student.call("step", *given, rate)
        # So small that it makes no difference here in which order the layers move.
        for pair, old, right in zip(moved, given[2], true_step(*given, rate), strict=True):
            for part, old_part, right_part in zip(pair, old, right, strict=True):
                move, expected = np.asarray(part) - old_part, right_part - old_part
                np.testing.assert_allclose(move, expected, atol=0.05 * np.abs(expected).max())


@pytest.mark.points(1, cell="check_step")
def test_step_moves_all_at_once(student, rng):
    """`step` should find all slopes before any weight moves, and return new layers: those that it \
    was given should stay as they are."""
    for sizes in NETWORKS:
        given = draw_network(rng, *sizes)
        rate = float(rng.uniform(0.3, 2))
        moved, after = student.call("step", *given, rate, after=True)
        assert_close(moved, true_step(*given, rate))
        assert_unchanged(after, given)


@pytest.fixture(scope="module")
def trained():
    """What `train` returned: two tests judge it, and it takes seconds."""
    return {}


@pytest.mark.parametrize(
    "share",
    [pytest.param(share, marks=pytest.mark.points(1, cell="check_train")) for share in (0.8, GOAL)],
)
def test_training_reads_unseen_digits(student, rng, mnist, trained, share):
    """The network that `train` makes of a few thousand images and labels should read digits that \
    it has never seen: at least 80% of them earn 1 point, and 90% both."""
    if not trained:
        chosen = rng.permutation(len(mnist.train_images))[:IMAGES]
        names = rng.permutation(10).astype(np.uint8)  # by which every digit goes here
        images = normalize(mnist.train_images[chosen]).reshape(-1, 784)
        layers = student.call("train", images, names[mnist.train_labels[chosen]])
        trained.update(names=names, layers=layers)
    names = trained["names"]
    (w1, b1), (w2, b2), (w3, b3) = [map(np.asarray, pair) for pair in trained["layers"]]
    with np.errstate(all="ignore"):  # weights may have overflowed
        hidden = np.tanh(normalize(mnist.test_images).reshape(-1, 784) @ w1 + b1)
        logits = np.maximum(hidden @ w2 + b2, 0) @ w3 + b3
    assert np.isfinite(logits).all()
    assert np.mean(logits.argmax(axis=1) == names[mnist.test_labels]) >= share
