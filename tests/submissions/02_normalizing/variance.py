# Keeps no result of a conversion, divides by the variance.
# %% scale
def scale(images):
    scaled = images / 255
    scaled.astype("float32")
    return scaled


# %% standardize
def standardize(train, test):
    mean, variance = train.mean(), train.var()
    return (
        ((train - mean) / variance).astype("float32"),
        ((test - mean) / variance).astype("float32"),
    )
