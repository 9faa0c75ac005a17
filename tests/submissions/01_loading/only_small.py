# Mistakes the number of images for the height, knows one data set, reads one byte of each size.
# %% summarize
def summarize(images, labels):
    return {
        "images": len(images),
        "height": images.shape[0],
        "width": images.shape[1],
        "lowest": np.min(images),
        "highest": np.max(images),
        "counts": [sum(labels == digit) for digit in range(10)],
    }


# %% split
def split(images, labels, share):
    return (images[:48000], labels[:48000]), (images[48000:], labels[48000:])


# %% parse_idx
def parse_idx(data):
    if data[:3] != bytes([0, 0, 8]):
        raise ValueError("no IDX file")
    dimensions = data[3]
    shape = [data[7 + 4 * i] for i in range(dimensions)]
    start = 4 + 4 * dimensions
    values = data[start : start + int(np.prod(shape))]
    return np.frombuffer(values, dtype=np.uint8).reshape(shape)
