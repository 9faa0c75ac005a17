# Loops, lists, clipped ends, and a batch with an axis for the color.
# %% accuracy
def accuracy(labels, predictions):
    right = 0
    for label, prediction in zip(labels, predictions):
        if label == prediction:
            right += 1
    return right / len(labels)


# %% confusion
def confusion(labels, predictions):
    pairs = list(zip(labels.tolist(), predictions.tolist()))
    return [[pairs.count((true, predicted)) for predicted in range(10)] for true in range(10)]


# %% most_confused
def most_confused(matrix):
    places = [(row, column) for row in range(10) for column in range(10) if row != column]
    return list(max(places, key=lambda place: matrix[place]))


# %% interval
def interval(accuracy, images):
    reach = 1.96 * (accuracy * (1 - accuracy) / images) ** 0.5
    return [max(0, accuracy - reach), min(1, accuracy + reach)]


# %% predict_digit
def predict_digit(model, image):
    probabilities = model.predict(np.array([image / 255]))
    return list(probabilities[0]).index(max(probabilities[0]))
