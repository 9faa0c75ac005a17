# Counts pixels, returns four arrays in a row, leaves the values in one long row.
# %% summarize
def summarize(images, labels):
    number, height, width = images.shape
    return {
        "images": images.size,
        "height": height,
        "width": width,
        "lowest": images.min(),
        "highest": images.max(),
        "counts": np.bincount(labels, minlength=10),
    }


# %% split
def split(images, labels, share):
    n = int(len(images) * (1 - share))
    return images[:n], labels[:n], images[n:], labels[n:]


# %% parse_idx
def parse_idx(data):
    assert data[:3] == bytes([0, 0, 8]), "no IDX file"
    return np.frombuffer(data, dtype=np.uint8, offset=4 + 4 * data[3])
