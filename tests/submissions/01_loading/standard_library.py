# Does without NumPy where it can: struct, Counter, slices by negative numbers.
# %% summarize
from collections import Counter


def summarize(images, labels):
    occurring = Counter(labels.tolist())
    return {
        "images": len(images),
        "height": len(images[0]),
        "width": len(images[0][0]),
        "lowest": min(images.flatten().tolist()),
        "highest": max(images.flatten().tolist()),
        "counts": [occurring[digit] for digit in range(10)],
    }


# %% split
import math


def split(images, labels, share):
    kept = math.ceil(len(images) * share)
    return [[images[:-kept], labels[:-kept]], [images[-kept:], labels[-kept:]]]


# %% parse_idx
import struct


def parse_idx(data):
    try:
        zeros, code, dimensions = struct.unpack_from(">HBB", data)
        sizes = struct.unpack_from(f">{dimensions}I", data, offset=4)
        values = struct.unpack_from(f"{math.prod(sizes)}B", data, offset=4 + 4 * dimensions)
    except struct.error as error:
        raise ValueError("the file is too short") from error
    if zeros != 0 or code != 8:
        raise ValueError("not an IDX file of unsigned bytes")
    return np.array(values, dtype="uint8").reshape(sizes)
