"""Read images and labels of an instructor, on which networks are judged instead of the test set."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from mnist_course.errors import CourseError

Labelled = tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]


def read_labelled(path: Path) -> Labelled:
    """Read the images and labels on which an instructor wants networks judged.

    Parameters
    ----------
    path : pathlib.Path
        An ``.npz`` file with the arrays ``images``, uint8 of shape (n, 28, 28), and ``labels``, of
        shape (n,) with 0 to 9.

    Returns
    -------
    tuple of (ndarray, ndarray)
        Images and labels, both of uint8.

    Raises
    ------
    CourseError
        If the file is missing or holds anything else.
    """
    expected = "expected an .npz file with images (n, 28, 28) of uint8 and labels (n,) from 0 to 9"
    try:
        with np.load(path, allow_pickle=False) as arrays:
            images, labels = arrays["images"], arrays["labels"]
    except (OSError, ValueError, KeyError) as error:
        raise CourseError(
            f"c.Grading.labelled_images: {path} cannot be read ({error}); {expected}."
        ) from None
    right = (
        images.dtype == np.uint8
        and images.shape == (len(labels), 28, 28)
        and labels.shape == (len(images),)
        and labels.dtype.kind in "iu"
        and len(labels)
        and 0 <= labels.min() <= labels.max() <= 9
    )
    if not right:
        raise CourseError(
            f"c.Grading.labelled_images: {path} has images {images.shape} of {images.dtype} and "
            f"labels {labels.shape} of {labels.dtype}; {expected}."
        )
    return images, labels.astype(np.uint8)
