# Counts up to the largest digit, rounds, and takes every header to have 16 bytes.
# %% summarize
def summarize(images, labels):
    number, height, width = images.shape
    return {
        "images": number,
        "height": height,
        "width": width,
        "lowest": images.min(),
        "highest": images.max(),
        "counts": np.bincount(labels),
    }


# %% split
def split(images, labels, share):
    n = round(len(images) * (1 - share))
    return (images[:n], labels[:n]), (images[n:], labels[n:])


# %% parse_idx
def parse_idx(data):
    if data[:3] != bytes([0, 0, 8]):
        raise ValueError("no IDX file")
    shape = [int.from_bytes(data[4 * i : 4 * i + 4], "big") for i in range(1, data[3] + 1)]
    return np.frombuffer(data, dtype=np.uint8, offset=16).reshape(shape)
