# Lets half precision round by itself, takes the deviation with n - 1.
# %% unscale
def unscale(images):
    return (images.astype("float16") * 255).astype("uint8")


# %% standardize
def standardize(train, test):
    mean, deviation = train.mean(), train.std(ddof=1)
    return np.float32((train - mean) / deviation), np.float32((test - mean) / deviation)
