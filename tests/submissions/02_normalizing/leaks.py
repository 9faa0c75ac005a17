# Fits the scaler on all data.
# %% standardize
def standardize(train, test):
    data = np.concatenate([train, test])
    mean, deviation = data.mean(), data.std()
    return (
        ((train - mean) / deviation).astype("float32"),
        ((test - mean) / deviation).astype("float32"),
    )
