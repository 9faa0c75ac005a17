import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from scipy import ndimage

from mnist_course.data import MNIST
from mnist_course.errors import CourseError
from mnist_course.preprocessing import from_drawing, read_drawing, read_picture


def enlarge(image: np.ndarray, factor: int) -> np.ndarray:
    return np.kron(image, np.ones((factor, factor), dtype=image.dtype))


def strokes(image: np.ndarray) -> int:
    """Return the number of connected strokes."""
    return int(ndimage.label(image, structure=np.ones((3, 3)))[1])


def page(image: np.ndarray, paper: np.ndarray, ink: float = 40.0) -> np.ndarray:
    """Write the digit of `image` in dark ink on `paper`, a picture at least as large."""
    coverage = np.zeros(paper.shape)
    top, left = (np.array(paper.shape) - image.shape) // 2
    coverage[top : top + image.shape[0], left : left + image.shape[1]] = image / 255
    return np.clip(paper * (1 - coverage) + ink * coverage, 0, 255).astype(np.uint8)


class TestFromDrawing:
    def test_leaves_digits_of_mnist_as_they_are(self, few: MNIST) -> None:
        images = few.test_images[:200]
        prepared = np.stack([from_drawing(image) for image in images]).astype(int)
        brightest = images.max(axis=(1, 2), keepdims=True)
        unchanged = np.abs(prepared * (brightest / 255) - images).max(axis=(1, 2)) <= 1
        # The rest moves by a pixel: its center of mass lies between two pixels.
        assert unchanged.mean() > 0.9

    def test_polarity_does_not_matter(self, few: MNIST) -> None:
        for image in few.test_images[:50]:
            np.testing.assert_array_equal(from_drawing(image), from_drawing(255 - image))

    @given(
        factor=st.integers(1, 9),
        top=st.integers(1, 50),
        left=st.integers(1, 50),
        which=st.integers(0, 99),
    )
    @settings(max_examples=40)
    def test_place_and_whole_scale_do_not_matter(
        self, few: MNIST, factor: int, top: int, left: int, which: int
    ) -> None:
        # Whether a faint speck apart from the digit counts as ink may depend on the paper around.
        image = [image for image in few.test_images if strokes(image) == 1][which]
        large = np.pad(enlarge(image, factor), ((top, 9), (left, 9)))
        # A frame of paper around both: faint ink on the frame would pass for uneven light.
        difference = from_drawing(large).astype(int) - from_drawing(np.pad(image, 1))
        assert np.abs(difference).max() <= 1

    def test_color_format_does_not_matter(self, few: MNIST) -> None:
        gray = 255 - enlarge(few.test_images[3], 4)
        expected = from_drawing(gray)
        opaque = np.full_like(gray, 255)
        black = np.zeros_like(gray)
        variants = {
            "channel": gray[..., None],
            "RGB": np.dstack([gray] * 3),
            "RGBA": np.dstack([gray, gray, gray, opaque]),
            "black ink on a transparent page": np.dstack([black, black, black, 255 - gray]),
            "white ink on a transparent page": np.dstack([opaque, opaque, opaque, 255 - gray]),
            "gray with opacity": np.dstack([black, 255 - gray]),
            "float": gray / 255,
            "uint16": gray.astype(np.uint16) * 257,
        }
        for name, picture in variants.items():
            difference = np.abs(from_drawing(picture).astype(int) - expected)
            assert difference.max() <= 1, name

    @given(
        hnp.arrays(
            np.uint8,
            st.one_of(
                hnp.array_shapes(min_dims=2, max_dims=2, max_side=40),
                st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(1, 4)),
            ),
        )
    )
    def test_any_picture_gives_a_centered_digit_or_our_own_error(self, picture: np.ndarray) -> None:
        try:
            digit = from_drawing(picture)
        except CourseError as error:
            message = str(error)
        else:
            message = ""
            assert digit.shape == (28, 28)
            assert digit.dtype == np.uint8
            assert digit.max() == 255
            rows = np.flatnonzero(digit.any(axis=1))
            columns = np.flatnonzero(digit.any(axis=0))
            assert max(np.ptp(rows), np.ptp(columns)) + 1 <= 20
        assert message == "" or "is empty" in message

    def test_ink_is_scaled_to_20_pixels_and_its_center_of_mass_centered(self) -> None:
        picture = np.full((300, 200), 255, dtype=np.uint8)
        picture[20:220, 30:60] = 0
        picture[180:220, 30:130] = 0
        digit = from_drawing(picture)
        rows, columns = np.flatnonzero(digit.any(axis=1)), np.flatnonzero(digit.any(axis=0))
        assert np.ptp(rows) + 1 == 20
        assert np.ptp(columns) + 1 == 10
        np.testing.assert_allclose(ndimage.center_of_mass(digit), (14, 14), atol=0.51)

    def test_averages_areas_as_pillow_does(self) -> None:
        random = np.random.default_rng(0)
        picture = np.zeros((180, 160), dtype=np.uint8)
        picture[10:170, 10:150] = random.integers(200, 256, (160, 140), dtype=np.uint8)
        digit = from_drawing(picture)
        box = Image.fromarray(picture[10:170, 10:150].astype(np.float32))
        expected = np.asarray(box.resize((18, 20), Image.Resampling.BOX))
        rows, columns = np.flatnonzero(digit.any(axis=1)), np.flatnonzero(digit.any(axis=0))
        found = digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        # Pillow takes whole pixels, so that its areas are up to a pixel off: 140 to 18 is uneven.
        np.testing.assert_allclose(found, expected * 255 / expected.max(), atol=6)

    def test_uneven_light_and_grain_of_a_photo_are_removed(self, few: MNIST) -> None:
        random = np.random.default_rng(0)
        y, x = np.mgrid[:400, :500]
        paper = 120 + 0.15 * y + 0.1 * x + random.normal(0, 5, (400, 500))
        for image in few.test_images[:20]:
            photo = page(enlarge(image, 8), paper)
            expected = from_drawing(image).astype(float)
            found = from_drawing(photo).astype(float)
            # Where faint edges were lost in the grain, the digit lies a pixel off.
            likeness = [
                np.corrcoef(np.roll(found, (dy, dx), (0, 1)).ravel(), expected.ravel())[0, 1]
                for dy in (-1, 0, 1)
                for dx in (-1, 0, 1)
            ]
            assert max(likeness) > 0.9

    @pytest.mark.parametrize(
        "blank",
        [
            np.full((50, 50), 255, np.uint8),
            np.zeros((50, 50, 4), np.uint8),
            np.full((50, 50), 128, np.uint8) + np.eye(50, dtype=np.uint8) * 10,
        ],
        ids=["white", "transparent", "faint"],
    )
    def test_empty_picture_is_an_error_that_says_so(self, blank: np.ndarray) -> None:
        with pytest.raises(CourseError, match="the picture is empty"):
            from_drawing(blank)

    @pytest.mark.parametrize(
        ("picture", "message"),
        [
            (np.zeros(5, np.uint8), r"shape \(5,\)|shape \(5"),
            (np.zeros((5, 5, 5), np.uint8), "1 to 4 channels"),
            (np.zeros((0, 5), np.uint8), "shape"),
            (np.full((5, 5), 200.0), "floats outside 0-1"),
            (np.full((5, 5), np.nan), "not finite"),
            (np.zeros((5, 5), np.int64), "int64"),
        ],
    )
    def test_other_arrays_are_named(self, picture: np.ndarray, message: str) -> None:
        with pytest.raises(CourseError, match=message):
            from_drawing(picture)


class TestReadPicture:
    def test_orientation_of_the_camera_is_applied(self, tmp_path: Path) -> None:
        pixels = np.zeros((4, 6, 3), np.uint8)
        pixels[0, 0] = 255
        picture = Image.fromarray(pixels)
        exif = picture.getexif()
        exif[0x0112] = 6  # turn by 90 degrees clockwise
        picture.save(tmp_path / "turned.png", exif=exif)
        upright = read_picture(tmp_path / "turned.png")
        assert upright.shape == (6, 4, 4)
        assert upright[0, 3, 0] == 255

    def test_sixteen_bit_gray_is_scaled_not_clipped(self, tmp_path: Path) -> None:
        Image.fromarray(np.array([[0, 257 * 100, 65535]], np.uint16)).save(tmp_path / "deep.png")
        assert read_picture(tmp_path / "deep.png")[0, :, 0].tolist() == [0, 100, 255]

    @given(content=st.binary(max_size=200), kept=st.integers(0, 400))
    @settings(max_examples=60)
    def test_damaged_pictures_are_named(
        self, tmp_path_factory: pytest.TempPathFactory, content: bytes, kept: int
    ) -> None:
        whole = io.BytesIO()
        noise = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
        Image.fromarray(noise).save(whole, "PNG")
        path = tmp_path_factory.mktemp("pictures") / "picture.png"
        path.write_bytes(whole.getvalue()[:kept] + content)
        with pytest.raises(CourseError, match=r"picture\.png cannot be read"):
            read_picture(path)

    def test_missing_and_empty_pictures_are_named(self, tmp_path: Path) -> None:
        with pytest.raises(CourseError, match=r"none\.png does not exist"):
            read_drawing(tmp_path / "none.png")
        Image.new("L", (30, 30), 255).save(tmp_path / "blank.png")
        with pytest.raises(CourseError, match=r"blank\.png: the picture is empty"):
            read_drawing(tmp_path / "blank.png")

    def test_saved_digit_comes_back_as_it_was(self, few: MNIST, tmp_path: Path) -> None:
        Image.fromarray(255 - enlarge(few.test_images[0], 10)).save(tmp_path / "digit.png")
        difference = read_drawing(tmp_path / "digit.png").astype(int) - from_drawing(
            few.test_images[0]
        )
        assert np.abs(difference).max() <= 1
