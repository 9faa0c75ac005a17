# Splits in the middle whatever the share, reads all labels there are.
# %% split
def split(images, labels, share):
    n = len(images) // 2
    return (images[:n], labels[:n]), (images[n:], labels[n:])


# %% parse_idx
def parse_idx(data):
    if data[:3] != bytes([0, 0, 8]):
        raise ValueError("no IDX file")
    if data[3] == 1:
        return np.frombuffer(data, dtype=np.uint8, offset=8)
    shape = [int.from_bytes(data[i : i + 4], "big") for i in (4, 8, 12)]
    return np.frombuffer(data, dtype=np.uint8, offset=16).reshape(shape)
