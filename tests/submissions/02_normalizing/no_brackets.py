# Divides into the old array, leaves out brackets, forgets to convert.
# %% scale
def scale(images):
    images /= 255
    return images


# %% unscale
def unscale(images):
    images.astype("uint8")
    return np.rint(images * 255)


# %% standardize
def standardize(train, test):
    mean, deviation = train.mean(), train.std()
    return (
        (train - mean / deviation).astype("float32"),
        (test - mean / deviation).astype("float32"),
    )
