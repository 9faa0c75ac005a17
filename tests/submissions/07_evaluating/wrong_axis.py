# Leaves the loop at once; the largest position along the axis of the batch.
# %% confusion
def confusion(labels, predictions):
    matrix = np.zeros((10, 10), dtype=int)
    for label, prediction in zip(labels, predictions):
        matrix[label, prediction] += 1
        return matrix


# %% predict_digit
def predict_digit(model, image):
    return int(model.predict(normalize(image)[np.newaxis], verbose=0).argmax(axis=0)[0])
