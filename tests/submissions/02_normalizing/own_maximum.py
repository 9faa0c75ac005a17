# Divides by the largest value that happens to occur; standardizes each pixel by itself.
# %% scale
def scale(images):
    return (images / images.max()).astype("float32")


# %% standardize
def standardize(train, test):
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    return (
        ((train - mean) / deviation).astype("float32"),
        ((test - mean) / deviation).astype("float32"),
    )
