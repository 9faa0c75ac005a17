"""MNIST, which comes with the package, and the check that it is the official one.

In: nothing, or the path of a copy. Out: images as uint8, 0-255, shape (n, 28, 28), with labels.
"""

from .idx import parse_idx
from .loading import MNIST, MNIST_SHA256, SIDE, load_mnist

__all__ = ["MNIST", "MNIST_SHA256", "SIDE", "load_mnist", "parse_idx"]
