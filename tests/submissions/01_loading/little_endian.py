# Counts only the digits that occur, keeps the first part, reads sizes as the computer stores them.
# %% summarize
def summarize(images, labels):
    digits, counts = np.unique(labels, return_counts=True)
    number, height, width = images.shape
    return {
        "images": number,
        "height": height,
        "width": width,
        "lowest": images.min(),
        "highest": images.max(),
        "counts": counts,
    }


# %% split
def split(images, labels, share):
    n = len(images) - int(len(images) * (1 - share))
    return (images[n:], labels[n:]), (images[:n], labels[:n])


# %% parse_idx
def parse_idx(data):
    if data[:3] != b"\x00\x00\x08":
        raise ValueError("no IDX file")
    dimensions = data[3]
    shape = np.frombuffer(data, dtype=np.uint32, count=dimensions, offset=4)
    return np.frombuffer(data, dtype=np.uint8, offset=4 + 4 * dimensions).reshape(shape)
