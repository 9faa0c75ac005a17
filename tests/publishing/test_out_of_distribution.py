"""Pictures that don't look like a digit are told from those that do."""

import numpy as np

from mnist_course import MNIST, build_mlp
from mnist_course.publishing.out_of_distribution import (
    draw_non_digits,
    principal_directions,
    residual_norm,
)
from mnist_course.publishing.web_network import activate, quantize


def test_strangeness_is_the_distance_from_the_nearest_usual_values(few: MNIST) -> None:
    layers = quantize(build_mlp(seed=0))
    values = activate(layers, few.train_images)[0]
    roots = np.sqrt(values / values.sum(axis=1, keepdims=True))
    usual = np.linalg.svd(roots, full_matrices=False)[2][:16]
    hidden = activate(layers, draw_non_digits(50, seed=1))[0]
    roots = np.sqrt(hidden / hidden.sum(axis=1, keepdims=True))
    nearest = np.linalg.lstsq(usual.T, roots.T, rcond=None)[0].T @ usual
    np.testing.assert_allclose(
        residual_norm(hidden, principal_directions(values)),
        np.linalg.norm(roots - nearest, axis=1),
        atol=1e-6,
    )


def test_others_are_drawn_from_their_seed_and_prepared() -> None:
    others = draw_non_digits(30, seed=3)
    assert others.shape == (30, 28, 28)
    assert others.dtype == np.uint8
    assert (others.max(axis=(1, 2)) == 255).all()
    np.testing.assert_array_equal(others, draw_non_digits(30, seed=3))
    assert (others != draw_non_digits(30, seed=4)).any()
