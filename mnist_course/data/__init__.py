"""MNIST, which comes with the package, and the check that it is the official one."""

from .idx import parse_idx
from .loading import MNIST, MNIST_SHA256, load_mnist

__all__ = ["MNIST", "MNIST_SHA256", "load_mnist", "parse_idx"]
