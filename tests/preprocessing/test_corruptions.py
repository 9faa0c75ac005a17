import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import linalg, ndimage, stats

from mnist_course.data import MNIST
from mnist_course.errors import CourseError
from mnist_course.preprocessing import normalize
from mnist_course.preprocessing.corruptions import CORRUPTIONS, STRENGTHS, corrupt

every_corruption = pytest.mark.parametrize("name", CORRUPTIONS)
every_strength = pytest.mark.parametrize("strength", range(1, 6))


@pytest.fixture(scope="module")
def images(few: MNIST) -> np.ndarray:
    return normalize(few.test_images[:200])


def test_there_are_eight_corruptions_of_five_strengths() -> None:
    assert CORRUPTIONS == (
        "shift",
        "rotation",
        "shear",
        "scale",
        "shot noise",
        "impulse noise",
        "blur",
        "stripe",
    )
    assert {len(strengths) for strengths in STRENGTHS.values()} == {5}


@given(
    images=hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 4), st.just(28), st.just(28)),
        elements=st.floats(0, 1, width=32),
    ),
    name=st.sampled_from(CORRUPTIONS),
    strength=st.integers(1, 5),
    seed=st.integers(0, 2**32),
)
@settings(deadline=None, max_examples=50)
def test_corrupted_images_are_images_and_the_seed_repeats_them(
    images: np.ndarray, name: str, strength: int, seed: int
) -> None:
    before = images.copy()
    corrupted = corrupt(images, name, strength, seed=seed)
    np.testing.assert_array_equal(images, before)
    assert corrupted.shape == images.shape
    assert corrupted.dtype == np.float32
    assert corrupted.min() >= 0
    assert corrupted.max() <= 1
    np.testing.assert_array_equal(corrupt(images, name, strength, seed=seed), corrupted)


@every_corruption
def test_another_seed_corrupts_otherwise_where_chance_plays(images: np.ndarray, name: str) -> None:
    same = (corrupt(images, name, 3, seed=0) == corrupt(images, name, 3, seed=1)).all()
    assert same == (name in ("scale", "blur"))


@every_corruption
def test_images_depart_further_with_every_strength(images: np.ndarray, name: str) -> None:
    distances = [np.abs(corrupt(images, name, s) - images).mean() for s in range(1, 6)]
    assert distances[0] > 0.005
    assert (np.diff(distances) > 0.002).all()


@every_strength
def test_shift_moves_by_its_length_and_in_all_directions(strength: int) -> None:
    images = np.zeros((100, 28, 28), np.float32)
    images[:, 10:18, 11:16] = np.random.default_rng(0).random((100, 8, 5))
    corrupted = corrupt(images, "shift", strength)
    moves = np.array(
        [
            np.subtract(ndimage.center_of_mass(after), ndimage.center_of_mass(before))
            for before, after in zip(images, corrupted, strict=True)
        ]
    )
    np.testing.assert_allclose(np.linalg.norm(moves, axis=1), strength, rtol=1e-3)
    assert len(set(map(tuple, np.sign(moves)))) == 4
    for before, after, move in zip(images, corrupted, moves, strict=True):
        expected = ndimage.shift(before, move, order=1, mode="grid-constant")
        np.testing.assert_allclose(after, expected, atol=1e-3)


def assert_each_is_one_of(corrupted: np.ndarray, candidates: list[np.ndarray]) -> None:
    """Every image matches one of its candidates, and every kind of candidate occurs."""
    matches = np.array([np.abs(corrupted - c).max(axis=(1, 2)) < 1e-4 for c in candidates])
    assert matches.any(axis=0).all()
    assert matches.any(axis=1).all()


@every_strength
def test_rotation_turns_by_its_angle_to_either_side(images: np.ndarray, strength: int) -> None:
    angle = STRENGTHS["rotation"][strength - 1]
    turned = [
        ndimage.rotate(
            images, side * angle, axes=(1, 2), reshape=False, order=1, mode="grid-constant"
        )
        for side in (-1, 1)
    ]
    assert_each_is_one_of(corrupt(images, "rotation", strength), turned)


@every_strength
def test_shear_and_scale_are_the_affine_maps_of_scipy(images: np.ndarray, strength: int) -> None:
    def affine(matrix: list[list[float]]) -> np.ndarray:
        offset = [13.5, 13.5] - np.array(matrix) @ [13.5, 13.5]
        return np.stack(
            [
                ndimage.affine_transform(image, matrix, offset, order=1, mode="grid-constant")
                for image in images
            ]
        )

    slant = STRENGTHS["shear"][strength - 1]
    sheared = [affine([[1, 0], [side * slant, 1]]) for side in (-1, 1)]
    assert_each_is_one_of(corrupt(images, "shear", strength), sheared)
    size = STRENGTHS["scale"][strength - 1]
    smaller = affine([[1 / size, 0], [0, 1 / size]])
    np.testing.assert_allclose(corrupt(images, "scale", strength), smaller, atol=1e-4)


@every_strength
def test_shot_noise_counts_photons_as_poisson_does(strength: int) -> None:
    photons = STRENGTHS["shot noise"][strength - 1]
    images = np.full((100, 28, 28), 0.3, np.float32)
    images[0] = 0
    corrupted = corrupt(images, "shot noise", strength)
    assert not corrupted[0].any()
    most = int(np.ceil(photons))
    expected = stats.poisson.pmf(range(most), 0.3 * photons)
    for count, chance in enumerate(expected):
        share = np.isclose(corrupted[1:], count / photons).mean()
        assert share == pytest.approx(chance, abs=0.01)
    assert (corrupted[1:] == 1).mean() == pytest.approx(1 - expected.sum(), abs=0.01)


@every_strength
def test_impulse_noise_turns_its_share_of_pixels_half_to_ink_half_to_paper(strength: int) -> None:
    corrupted = corrupt(np.full((100, 28, 28), 0.5, np.float32), "impulse noise", strength)
    share = STRENGTHS["impulse noise"][strength - 1]
    assert (corrupted == 0).mean() == pytest.approx(share / 2, abs=0.01)
    assert (corrupted == 1).mean() == pytest.approx(share / 2, abs=0.01)
    assert (corrupted == 0.5).mean() == pytest.approx(1 - share, abs=0.01)


@every_strength
def test_blur_is_a_convolution_with_a_gaussian(images: np.ndarray, strength: int) -> None:
    sigma = STRENGTHS["blur"][strength - 1]
    distances = np.arange(28)
    kernel = np.where(distances <= 4 * sigma + 0.5, np.exp(-0.5 * (distances / sigma) ** 2), 0)
    blur = linalg.toeplitz(kernel / (2 * kernel.sum() - kernel[0]))
    np.testing.assert_allclose(corrupt(images, "blur", strength), blur @ images @ blur.T, atol=1e-5)


@every_strength
def test_stripe_swaps_ink_and_paper_in_one_band(images: np.ndarray, strength: int) -> None:
    corrupted = corrupt(images, "stripe", strength)
    swapped = np.isclose(corrupted, 1 - images, atol=1e-6).all(axis=1)
    kept = (corrupted == images).all(axis=1)
    assert (swapped ^ kept).all()
    assert (swapped.sum(axis=1) == STRENGTHS["stripe"][strength - 1]).all()
    first = swapped.argmax(axis=1)
    last = 27 - swapped[:, ::-1].argmax(axis=1)
    np.testing.assert_array_equal(last - first + 1, swapped.sum(axis=1))
    assert len(set(first)) > 5


ZEROS = np.zeros((2, 28, 28), np.float32)


@pytest.mark.parametrize(
    ("images", "name", "strength", "message"),
    [
        (ZEROS.astype(np.uint8), "blur", 1, r"type uint8.*normalize\(\)"),
        (ZEROS[0], "blur", 1, r"shape \(28, 28\)"),
        (ZEROS[:0], "blur", 1, "no images"),
        (ZEROS + 2, "blur", 1, "outside 0-1"),
        (ZEROS * np.nan, "blur", 1, "outside 0-1"),
        (ZEROS, "fog", 1, "no corruption 'fog': expected one of shift"),
        (ZEROS, "blur", 0, "strength is 0"),
        (ZEROS, "blur", 6, "strength is 6"),
        (ZEROS, "blur", 2.5, "strength is 2.5"),
    ],
)
def test_bad_input_is_named(images: np.ndarray, name: str, strength: int, message: str) -> None:
    with pytest.raises(CourseError, match=message):
        corrupt(images, name, strength)
