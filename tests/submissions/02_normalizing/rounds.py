# Rounds the scaled values, multiplies by 256, returns the test images first.
# %% scale
def scale(images):
    return np.round(images / 255, 2).astype("float32")


# %% unscale
def unscale(images):
    return np.rint(images * 256).astype("uint8")


# %% standardize
def standardize(train, test):
    mean, deviation = train.mean(), train.std()
    train = ((train - mean) / deviation).astype("float32")
    test = ((test - mean) / deviation).astype("float32")
    return test, train
