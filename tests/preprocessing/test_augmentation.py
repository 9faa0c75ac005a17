import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from mnist_course.data import MNIST
from mnist_course.preprocessing import augment, normalize
from mnist_course.preprocessing.augmentation import interpolate


class TestAugment:
    def test_is_the_identity_at_zero_strength(self, few: MNIST) -> None:
        images = normalize(few.train_images[:50])
        same = augment(images, 0, rotation=0, scale=0, shear=0, shift=0, elastic=0)
        np.testing.assert_allclose(same, images, atol=1e-6)

    def test_seed_repeats_it_and_another_seed_does_not(self, few: MNIST) -> None:
        images = normalize(few.train_images[:50])
        np.testing.assert_array_equal(augment(images, 7), augment(images, 7))
        assert not np.array_equal(augment(images, 7), augment(images, 8))

    def test_each_image_is_distorted_in_its_own_way(self, few: MNIST) -> None:
        copies = augment(np.repeat(normalize(few.train_images[:1]), 20, axis=0), 0).numpy()
        assert len({copy.tobytes() for copy in copies}) == 20

    @given(seed=st.integers(0, 2**31 - 1))
    @settings(max_examples=20)
    def test_shape_type_and_range_are_kept(self, few: MNIST, seed: int) -> None:
        images = normalize(few.train_images[:20])
        distorted = augment(images, seed).numpy()
        assert distorted.dtype == np.float32
        assert distorted.shape == images.shape
        assert distorted.min() >= 0
        assert (distorted.max(axis=(1, 2)) <= images.max(axis=(1, 2)) + 1e-6).all()

    def test_labels_are_kept_because_digits_still_look_like_themselves(self, few: MNIST) -> None:
        images = normalize(few.train_images[:300])
        distorted = augment(images, 0).numpy().reshape(300, -1)
        flat = images.reshape(300, -1)
        distances = ((distorted[:, None] - flat[None]) ** 2).sum(axis=2)
        nearest = few.train_labels[:300][distances.argmin(axis=1)]
        assert (nearest == few.train_labels[:300]).mean() > 0.7

    def test_shifts_go_in_all_directions(self, few: MNIST) -> None:
        none = {"rotation": 0.0, "scale": 0.0, "shear": 0.0, "elastic": 0.0}
        image = normalize(few.train_images[5])
        copies = augment(np.stack([image] * 200), 0, **none, shift=3.0).numpy()
        places = np.array([ndimage.center_of_mass(copy) for copy in copies])
        assert abs(np.corrcoef(places.T)[0, 1]) < 0.3

    def test_elastic_field_moves_pixels_smoothly_and_as_far_as_it_says(self) -> None:
        # On a ramp, a displacement in pixels shows as a difference in value.
        ramp = np.tile(np.arange(28, dtype=np.float32) / 28, (400, 28, 1))
        none = {"rotation": 0.0, "scale": 0.0, "shear": 0.0, "shift": 0.0}
        moved = augment(ramp, 1, **none, elastic=1.0).numpy()
        inner = np.s_[:, 6:22, 6:22]
        displacement = (moved - ramp)[inner] * 28
        assert displacement.std() == pytest.approx(1.0, abs=0.1)
        assert abs(displacement.mean()) < 0.1
        assert np.abs(np.diff(displacement, axis=1)).mean() < 0.35

    @pytest.mark.parametrize(
        ("strengths", "expected"),
        [
            ({"rotation": 30.0}, "rotate"),
            ({"shift": 3.0}, "shift"),
        ],
    )
    def test_agrees_with_scipy_on_where_the_ink_goes(
        self, few: MNIST, strengths: dict[str, float], expected: str
    ) -> None:
        none = {"rotation": 0.0, "scale": 0.0, "shear": 0.0, "shift": 0.0, "elastic": 0.0}
        image = normalize(few.train_images[5])
        copies = augment(np.stack([image] * 10), 3, **{**none, **strengths}).numpy()
        assert np.abs(copies - image).mean(axis=(1, 2)).max() > 0.03
        for distorted in copies:
            candidates = (
                [
                    ndimage.rotate(image, a, reshape=False, order=1)
                    for a in np.arange(-30, 30.5, 0.5)
                ]
                if expected == "rotate"
                else [
                    ndimage.shift(image, (dy, dx), order=1)
                    for dy in np.arange(-3, 3.1, 0.25)
                    for dx in np.arange(-3, 3.1, 0.25)
                ]
            )
            errors = [np.abs(candidate - distorted).mean() for candidate in candidates]
            assert min(errors) < 0.012


@pytest.mark.parametrize("axis", [0, 1], ids=["rows", "columns"])
@pytest.mark.parametrize(
    ("place", "value"),
    [(-1.0, 0), (-0.25, 0.75), (0.0, 1), (27.0, 1), (27.25, 0.75), (28.0, 0), (40.0, 0)],
)
def test_outside_an_image_is_background(axis: int, place: float, value: float) -> None:
    places = [np.full((1, 784), 10.0, np.float32) for _ in range(2)]
    places[axis][:] = place
    sampled = interpolate(np.ones((1, 28, 28), np.float32), *places)
    np.testing.assert_allclose(sampled, value, atol=1e-6)
