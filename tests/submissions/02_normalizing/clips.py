# Takes the brightest pixel for full ink, and clips what is far from the mean.
# %% unscale
def unscale(images):
    return np.rint(images / images.max() * 255).astype("uint8")


# %% standardize
def standardize(train, test):
    mean, deviation = train.mean(), train.std()
    return tuple(
        np.clip((images - mean) / deviation, -3, 3).astype("float32") for images in (train, test)
    )
