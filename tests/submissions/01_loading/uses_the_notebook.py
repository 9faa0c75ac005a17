# Looks at the images of the notebook, splits one too early, compares bytes with a list.
# %% summarize
def summarize(images, labels):
    number, height, width = train_images.shape
    return {
        "images": number,
        "height": height,
        "width": width,
        "lowest": train_images.min(),
        "highest": train_images.max(),
        "counts": np.bincount(train_labels, minlength=10),
    }


# %% split
def split(images, labels, share):
    n = int(len(images) * (1 - share)) - 1
    return (images[:n], labels[:n]), (images[n:], labels[n:])


# %% parse_idx
def parse_idx(data):
    if data[:3] != [0, 0, 8]:
        raise ValueError("no IDX file")
    header = 4 + 4 * data[3]
    shape = [int.from_bytes(data[i : i + 4], "big") for i in range(4, header, 4)]
    return np.frombuffer(data, dtype=np.uint8, offset=header).reshape(shape)
