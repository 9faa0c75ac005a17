"""Hidden tests of assignment 04."""

import re
from itertools import pairwise

import numpy as np
import pytest
from scipy import special

SIZES = [784, 256, 128, 32, 10]


def parameters(sizes):
    return sum(inputs * units + units for inputs, units in pairwise(sizes))


@pytest.mark.points(1, cell="check_dense_parameters")
def test_dense_layer_has_a_weight_per_input_and_neuron(student, rng):
    """With one more input, `dense_parameters` should count one more weight for each neuron."""
    inputs, units = map(int, rng.integers(10, 500, 2))
    fewer = student.call("dense_parameters", inputs, units)
    assert student.call("dense_parameters", inputs + 1, units) - fewer == units


@pytest.mark.points(1, cell="check_dense_parameters")
def test_dense_layer_has_a_bias_per_neuron(student, rng):
    """`dense_parameters` should count all weights, and one bias for each neuron."""
    for inputs, units in rng.integers(2, 500, (3, 2)).tolist():
        assert student.call("dense_parameters", inputs, units) == parameters([inputs, units])


@pytest.mark.points(1, cell="check_count_parameters")
def test_network_of_one_layer_has_the_parameters_of_that_layer(student, rng):
    """`count_parameters` should count weights and biases of a network of a single layer."""
    sizes = rng.integers(2, 500, 2).tolist()
    assert student.call("count_parameters", sizes) == parameters(sizes)


@pytest.mark.points(2, cell="check_count_parameters")
def test_layers_of_a_network_add_up(student, rng):
    """`count_parameters` should add up the parameters of all layers, however many there are."""
    twice, other = rng.integers(2, 500, 2).tolist()
    networks = [rng.integers(2, 500, layers + 1).tolist() for layers in (2, 3, 6)]
    for sizes in (*networks, [twice, twice, twice, other]):
        assert student.call("count_parameters", sizes) == parameters(sizes)


NEAR = 5e-6  # wide enough for float32, too narrow for powers of 2.718


def some_logits(rng, *shape):
    """Draw halves, which single precision keeps exactly, even beside 1000."""
    return rng.integers(-8, 9, shape) / 2


def assert_softmax(student, logits):
    answer = np.asarray(student.call("softmax", logits), dtype=np.float64)
    np.testing.assert_allclose(answer, special.softmax(logits, axis=-1), rtol=NEAR, atol=NEAR)


@pytest.mark.points(1, cell="check_softmax")
def test_softmax_of_one_row(student, rng):
    """`softmax` of ten logits should be e to their powers, divided by the sum of the ten, and not \
    rounded."""
    for _ in range(20):
        assert_softmax(student, some_logits(rng, 10))
    assert_softmax(student, rng.integers(-8, 9, 10))


@pytest.mark.points(1, cell="check_softmax")
def test_softmax_of_each_row(student, rng):
    """`softmax` of several rows should treat each row as if it were alone."""
    for rows in (1, 10, int(rng.integers(20, 90))):
        assert_softmax(student, some_logits(rng, rows, 10))


@pytest.mark.points(1, cell="check_softmax")
def test_softmax_of_large_logits(student, rng):
    """`softmax` should give the right probabilities for logits near 1000 and near -1000, also \
    if only a single logit of the row is."""
    one = rng.permutation(np.eye(10)[0]) * 1000
    for shift in (1000, -1000, one, -one):
        assert_softmax(student, some_logits(rng, 10) + shift)


@pytest.mark.points(1, cell="check_softmax")
def test_softmax_of_rows_far_apart(student, rng):
    """`softmax` should keep each row in a range that a computer can handle, also when the rows of \
    a batch are far apart."""
    shifts = rng.permutation([-1000, 0, 500, 1000])
    assert_softmax(student, some_logits(rng, 4, 10) + shifts[:, np.newaxis])


def some_images(rng, n=40):
    """Draw bright pixels on a dark ground, so that the images differ more than noise does."""
    images = rng.random((n, 28, 28)) * rng.integers(0, 2, (n, 7, 7)).repeat(4, axis=1).repeat(
        4, axis=2
    )
    return images.astype(np.float32)


def outputs_of_network(student, images):
    student.call("build_network")  # which says so if nothing is returned
    return student.outputs("model", images).astype(np.float64)


def describe_network(student, rng):
    """Describe the network after its first use, by which Keras knows all shapes."""
    outputs = outputs_of_network(student, some_images(rng))
    return student.describe("model"), outputs


@pytest.mark.points(1, cell="check_build_network")
def test_network_has_the_layers_of_the_task(student, rng):
    """The network should have Dense layers of 256, 128, 32 and 10 neurons, each with its biases, \
    from the 784 pixels on, all of which training may change, and no other layers that compute."""
    network, _ = describe_network(student, rng)
    shapes = [weight.shape for layer in network["layers"] for weight in layer["weights"]]
    expected = [shape for pair in pairwise(SIZES) for shape in (pair, pair[1:])]
    assert sorted(shapes) == sorted(expected)
    assert network["parameters"] == parameters(SIZES)
    assert network["trainable"] == parameters(SIZES)
    assert not any(re.search("Dropout|Noise", layer["kind"]) for layer in network["layers"])


@pytest.mark.points(1, cell="check_build_network")
def test_network_gives_probabilities(student, rng):
    """The network should take images of 28 x 28 values, and give for each of them ten \
    probabilities that sum to 1."""
    images = some_images(rng)
    outputs = outputs_of_network(student, images)
    assert outputs.shape == (len(images), 10)
    assert outputs.min() >= 0
    np.testing.assert_allclose(outputs.sum(axis=1), 1, atol=1e-3)
    assert np.ptp(outputs, axis=0).max() > 1e-3


@pytest.mark.points(1, cell="check_build_network")
def test_network_computes_relu_between_its_layers(student, rng):
    """Each Dense layer but the last should be followed by ReLU, and by nothing else."""
    images = some_images(rng)
    outputs = outputs_of_network(student, images)
    layers = student.describe("model")["layers"]
    weights = {weight.shape: weight for layer in layers for weight in layer["weights"]}
    hidden = images.reshape(len(images), -1).astype(np.float64)
    for pair in pairwise(SIZES):
        logits = hidden @ weights[pair] + weights[pair[1:]]
        hidden = np.maximum(logits, 0)
    # What follows the last layer is the business of another test.
    ends = [special.softmax(logits, axis=-1), logits, special.expit(logits), hidden]
    tolerance = 0.02 * np.ptp(outputs, axis=0).max()
    assert any(np.abs(outputs - end).max() < tolerance for end in ends)


@pytest.mark.points(1, cell="check_build_network")
def test_network_learns_from_labels_that_are_whole_numbers(student, rng):
    """The loss should be sparse categorical cross-entropy, of the probabilities that the network \
    gives."""
    network, outputs = describe_network(student, rng)
    assert network["loss"] in ("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy")
    probabilities = np.allclose(outputs.sum(axis=-1), 1, atol=1e-3)
    assert not (network["from_logits"] and probabilities)


@pytest.mark.points(1, cell="check_build_network")
def test_network_is_compiled_with_adam_and_accuracy(student, rng):
    """The network should be compiled with the optimizer Adam, with its default learning rate, and \
    the metric accuracy."""
    network, _ = describe_network(student, rng)
    assert network["optimizer"] == "Adam"
    np.testing.assert_allclose(network["learning_rate"], 0.001, rtol=1e-3)
    # Keras turns the string into the accuracy that suits the labels; its class Accuracy does not.
    names = {"accuracy", "acc", "sparse_categorical_accuracy", "SparseCategoricalAccuracy"}
    assert names & set(network["metrics"])
