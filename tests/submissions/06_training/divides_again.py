# Normalizes what is normalized; one-hot rows times log(0).
# %% cross_entropy
def cross_entropy(probabilities, labels):
    one_hot = np.eye(10)[labels]
    return -(one_hot * np.log(probabilities)).sum(axis=1).mean()


# %% train_network
model = history = None


def train_network(images, labels, validation):
    from mnist_course import build_mlp

    model = build_mlp(seed=0)
    history = model.fit(images / 255, labels, batch_size=128, validation_data=validation, verbose=0)
    return model, history


model, history = train_network(train_images, train_labels, validation)
