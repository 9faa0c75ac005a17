# Counts in the type of the labels; forgets the labels; refuses less than it should.
# %% summarize
def summarize(images, labels):
    number, height, width = images.shape
    counts = np.zeros(10, dtype=labels.dtype)
    for label in labels:
        counts[label] += 1
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
    n = int(len(images) * (1 - share))
    return images[:n], images[n:]


# %% parse_idx
def parse_idx(data):
    if data[2] != 8:
        raise ValueError("no IDX file")
    header = 4 + 4 * data[3]
    shape = [int.from_bytes(data[i : i + 4], "big") for i in range(4, header, 4)]
    return np.frombuffer(data, dtype=np.uint8, offset=header).reshape(shape)
