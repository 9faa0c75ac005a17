# Writes out the cases of labels and images, counts in a loop, splits by positions.
# %% summarize
def summarize(images, labels):
    counts = np.zeros(10)
    for label in labels:
        counts[label] += 1
    return {
        "images": images.shape[0],
        "height": images.shape[1],
        "width": images.shape[2],
        "lowest": float(np.min(images)),
        "highest": float(np.max(images)),
        "counts": counts,
    }


# %% split
def split(images, labels, share):
    positions = np.arange(len(images))
    train = positions < int(len(images) * (1 - share))
    return (images[train], labels[train]), (images[~train], labels[~train])


# %% parse_idx
def parse_idx(data):
    if data[0] != 0 or data[1] != 0 or data[2] != 8:
        raise ValueError("no IDX file")

    def size(start):
        a, b, c, d = data[start : start + 4]
        return a * 256**3 + b * 256**2 + c * 256 + d

    if data[3] == 1:
        shape = (size(4),)
        values = data[8:]
    else:
        shape = (size(4), size(8), size(12))
        values = data[16:]
    array = np.array(list(values), dtype=np.uint8)
    if array.size < np.prod(shape):
        raise ValueError("too short")
    return array.reshape(shape)
