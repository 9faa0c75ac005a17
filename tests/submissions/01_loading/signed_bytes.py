# Looks at the first image only, puts one image into both parts, reads signed bytes.
# %% summarize
def summarize(images, labels):
    number, height, width = images.shape
    return {
        "images": number,
        "height": height,
        "width": width,
        "lowest": images[0].min(),
        "highest": images[0].max(),
        "counts": np.bincount(labels, minlength=10) / len(labels),
    }


# %% split
def split(images, labels, share):
    n = int(len(images) * (1 - share))
    return (images[: n + 1], labels[: n + 1]), (images[n:], labels[n:])


# %% parse_idx
def parse_idx(data):
    if data[:3] != bytes([0, 0, 8]):
        raise ValueError("no IDX file")
    header = 4 + 4 * data[3]
    shape = [int.from_bytes(data[i : i + 4], "big") for i in range(4, header, 4)]
    return np.frombuffer(data, dtype=np.int8, offset=header).reshape(shape)
