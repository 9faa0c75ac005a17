"""What a training function must not know is found wherever it hides in the function."""

from collections.abc import Callable

import pytest

from mnist_course.checks.core import CheckError
from mnist_course.checks.improving import _expect_no_other_data

test_images = None


def peeks(images: object) -> object:
    return test_images


def peeks_in_a_lambda(images: object) -> object:
    return lambda: test_images


def peeks_two_deep(images: object) -> object:
    def train() -> object:
        return [test_images for _ in range(3)]

    return train


def loads(images: object) -> object:
    return (lambda: load_mnist())()  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize("function", [peeks, peeks_in_a_lambda, peeks_two_deep, loads])
def test_other_data_is_found(function: Callable[..., object]) -> None:
    with pytest.raises(CheckError, match=r"test_images|load_mnist"):
        _expect_no_other_data(function)


def test_a_variable_of_its_own_may_have_any_name() -> None:
    _expect_no_other_data(lambda images: [2 * image for image in images])
