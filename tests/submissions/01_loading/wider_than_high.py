# Rounds up, takes the width for the height.
# %% split
def split(images, labels, share):
    n = int(np.ceil(len(images) * (1 - share)))
    return (images[:n], labels[:n]), (images[n:], labels[n:])


# %% parse_idx
def parse_idx(data):
    if data[:3] != bytes([0, 0, 8]):
        raise ValueError("no IDX file")
    header = 4 + 4 * data[3]
    shape = [int.from_bytes(data[i : i + 4], "big") for i in range(4, header, 4)]
    if len(shape) == 3:
        number, width, height = shape
        shape = number, height, width
    return np.frombuffer(data, dtype=np.uint8, offset=header).reshape(shape)
