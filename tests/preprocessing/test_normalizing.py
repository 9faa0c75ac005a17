import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mnist_course.errors import CourseError
from mnist_course.preprocessing import normalize

gray_images = hnp.arrays(np.uint8, st.sampled_from([(28, 28), (1, 28, 28), (3, 28, 28)]))


class TestNormalize:
    @given(gray_images)
    def test_divides_by_255_in_float32_and_leaves_the_input(self, images: np.ndarray) -> None:
        before = images.copy()
        result = normalize(images)
        assert result.dtype == np.float32
        assert result.shape == images.shape
        np.testing.assert_allclose(result, images.astype(np.float64) / 255, rtol=1e-7)
        np.testing.assert_array_equal(images, before)
        assert not np.shares_memory(result, images)

    @given(gray_images)
    def test_gray_values_can_be_recovered_exactly(self, images: np.ndarray) -> None:
        np.testing.assert_array_equal(np.rint(normalize(images) * 255), images)

    def test_covers_zero_to_one(self) -> None:
        images = np.zeros((1, 28, 28), dtype=np.uint8)
        images[0, 0, 0] = 255
        assert normalize(images).max() == 1.0
        assert normalize(images).min() == 0.0

    @given(hnp.arrays(np.float32, (2, 28, 28), elements=st.floats(0, 1, width=32)))
    def test_normalizing_twice_is_an_error_that_says_so(self, images: np.ndarray) -> None:
        with pytest.raises(CourseError, match="look normalized already"):
            normalize(images)

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_values_that_are_not_finite_are_named(self, value: float) -> None:
        with pytest.raises(CourseError, match="not finite"):
            normalize(np.full((28, 28), value))

    @pytest.mark.parametrize("dtype", [np.int64, np.float64, bool, object])
    def test_other_types_are_named(self, dtype: type) -> None:
        with pytest.raises(CourseError, match=r"expected gray values 0-255 of type uint8"):
            normalize(np.full((28, 28), 200).astype(dtype))

    @given(hnp.array_shapes(min_dims=0, max_dims=4, max_side=30))
    def test_other_shapes_are_named(self, shape: tuple[int, ...]) -> None:
        if len(shape) in (2, 3) and shape[-2:] == (28, 28):
            return
        with pytest.raises(CourseError, match=r"expected \(n, 28, 28\)"):
            normalize(np.zeros(shape, dtype=np.uint8))

    def test_ragged_list_is_named(self) -> None:
        with pytest.raises(CourseError, match="no shape"):
            normalize([[1, 2], [3]])
