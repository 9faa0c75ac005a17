# Does not train in earnest, so that the other cells can be tried quickly.
# %% train_network
model = history = None


def train_network(images, labels, validation):
    from mnist_course import build_mlp

    model = build_mlp(seed=0)
    history = model.fit(images[:500], labels[:500], validation_split=0.2, verbose=0)
    return model, history


model, history = train_network(train_images, train_labels, validation)
