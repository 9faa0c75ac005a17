# Prints instead of returning, loses an image, turns the values into floats, refuses nothing.
# %% summarize
def summarize(images, labels):
    print({"images": len(images), "lowest": images.min(), "highest": images.max()})


# %% split
def split(images, labels, share):
    n = int(len(images) * (1 - share))
    return (images[:n], labels[:n]), (images[n + 1 :], labels[n + 1 :])


# %% parse_idx
def parse_idx(data):
    header = 4 + 4 * data[3]
    shape = [int.from_bytes(data[i : i + 4], "big") for i in range(4, header, 4)]
    return np.array([float(value) for value in data[header:]]).reshape(shape)
