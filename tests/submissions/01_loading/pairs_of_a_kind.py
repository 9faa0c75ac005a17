# Pairs images with images and labels with labels; returns its error instead of raising it.
# %% split
def split(images, labels, share):
    n = int(len(images) * (1 - share))
    return (images[:n], images[n:]), (labels[:n], labels[n:])


# %% parse_idx
def parse_idx(data):
    if data[:3] != bytes([0, 0, 8]):
        return ValueError("no IDX file")
    header = 4 + 4 * data[3]
    shape = [int.from_bytes(data[i : i + 4], "big") for i in range(4, header, 4)]
    return np.frombuffer(data, dtype=np.uint8, offset=header).reshape(shape)
