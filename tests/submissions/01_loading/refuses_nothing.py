# Puts the counts in a dictionary, takes the share for training, refuses nothing.
# %% summarize
def summarize(images, labels):
    number, height, width = images.shape
    return {
        "images": number,
        "height": height,
        "width": width,
        "lowest": images.min(),
        "highest": images.max(),
        "counts": {digit: int((labels == digit).sum()) for digit in range(10)},
    }


# %% split
def split(images, labels, share):
    n = int(len(images) * share)
    return (images[:n], labels[:n]), (images[n:], labels[n:])


# %% parse_idx
def parse_idx(data):
    header = 4 + 4 * data[3]
    shape = [int.from_bytes(data[i : i + 4], "big") for i in range(4, header, 4)]
    return np.frombuffer(data, dtype=np.uint8, offset=header).reshape(shape)
