# Changes the arrays it was given; forgets to return one of them.
# %% scale
def scale(images):
    scaled = (images / 255).astype("float32")
    images[:] = 0
    return scaled


# %% unscale
def unscale(images):
    images *= 255
    np.rint(images, out=images)


# %% standardize
def standardize(train, test):
    mean, deviation = train.mean(), train.std()
    train -= mean
    train /= deviation
    return train.astype("float32"), ((test - mean) / deviation).astype("float32")
