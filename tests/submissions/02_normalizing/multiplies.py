# Multiplies by the reciprocal, rounds by adding one half, uses the formula of the variance.
# %% scale
def scale(images):
    return np.multiply(images, np.float32(1 / 255), dtype="float32")


# %% unscale
def unscale(images):
    return (255 * images + 0.5).astype(np.uint8)


# %% standardize
def standardize(train, test):
    mean = np.mean(train)
    deviation = np.sqrt(np.mean((train - mean) ** 2))
    return [np.float32((x - mean) / deviation) for x in (train, test)]
