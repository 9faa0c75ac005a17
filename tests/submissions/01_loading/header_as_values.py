# Swaps height and width, shuffles, and reads the header as if it were values.
# %% summarize
def summarize(images, labels):
    number, width, height = images.shape
    return {
        "images": number,
        "height": height,
        "width": width,
        "lowest": images.min(),
        "highest": images.max(),
        "counts": [int((labels == digit).sum()) for digit in range(10)],
    }


# %% split
def split(images, labels, share):
    order = np.random.default_rng(0).permutation(len(images))
    images, labels = images[order], labels[order]
    n = int(len(images) * (1 - share))
    return (images[:n], labels[:n]), (images[n:], labels[n:])


# %% parse_idx
def parse_idx(data):
    if data[:3] != bytes([0, 0, 8]):
        raise ValueError("no IDX file")
    shape = [int.from_bytes(data[4 * i : 4 * i + 4], "big") for i in range(1, data[3] + 1)]
    return np.frombuffer(data, dtype=np.uint8, count=np.prod(shape)).reshape(shape)
