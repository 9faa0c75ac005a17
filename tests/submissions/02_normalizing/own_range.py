# Stretches the values that occur, standardizes the training images only.
# %% scale
def scale(images):
    lowest, highest = images.min(), images.max()
    return ((images - lowest) / (highest - lowest)).astype("float32")


# %% standardize
def standardize(train, test):
    return ((train - train.mean()) / train.std()).astype("float32"), test.astype("float32")
