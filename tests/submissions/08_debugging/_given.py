# The broken pipelines as they are given, without the runs and plots to look at: the check runs its
# own. A test compares them with the notebook.

# %% healthy
def healthy(images, labels, new_images):
    """Learn from 2,000 images, validate on the 400 after them."""
    x = normalize(images)
    train = x[:2000], labels[:2000]
    val = x[2000:2400], labels[2000:2400]
    return learn(build(), train, val, normalize(new_images))


# %% healthy_reading
def confusion(run):
    """Return the confusion matrix of the new images: true digits in rows, answers in columns."""
    answers = run["outputs"][-1].argmax(axis=1)
    return confusion_matrix(new_labels, answers, labels=range(10))


# %% pipeline_1
def pipeline_1(images, labels, new_images):
    """Learn from 2,000 images, then read new ones that a scanner has sent."""
    x = normalize(images)
    x_new = normalize(np.rot90(new_images, axes=(1, 2)))  # sheets go through it sideways
    train = x[:2000], labels[:2000]
    val = x[2000:2400], labels[2000:2400]
    return learn(build(), train, val, x_new)


# %% reading_1
pass


# %% pipeline_2
def pipeline_2(images, labels, new_images):
    """Leave out the faintest images, then learn from 2,000 of the others."""
    ink = images.mean(axis=(1, 2))
    enough = ink > np.quantile(ink, 0.002)
    x = normalize(images[enough])
    train = x[:2000], labels[:2000]
    val = x[2000:2400], labels[2000:2400]
    return learn(build(), train, val, normalize(new_images))


# %% reading_2
pass


# %% pipeline_3
def pipeline_3(images, labels, new_images):
    """Let the learning rate fall to 0 along a cosine over the 6 epochs of the training."""
    x = normalize(images)
    train = x[:2000], labels[:2000]
    val = x[2000:2400], labels[2000:2400]
    rate = keras.optimizers.schedules.CosineDecay(0.005, decay_steps=6)
    return learn(build(rate), train, val, normalize(new_images))


# %% reading_3
pass


# %% pipeline_4
def pipeline_4(images, labels, new_images):
    """Mix images and labels in one order, then split them."""
    rng = np.random.default_rng(0)
    order = rng.integers(len(images), size=len(images))
    x, y = normalize(images[order]), labels[order]
    train = x[:2000], y[:2000]
    val = x[2000:2400], y[2000:2400]
    return learn(build(), train, val, normalize(new_images))


# %% reading_4
pass


# %% pipeline_5
def pipeline_5(images, labels, new_images):
    """Brighten all images a little, to at most 255, then scale them."""
    x = normalize(np.minimum(images + 20, 255))
    x_new = normalize(np.minimum(new_images + 20, 255))
    train = x[:2000], labels[:2000]
    val = x[2000:2400], labels[2000:2400]
    return learn(build(), train, val, x_new)


# %% reading_5
pass


# %% pipeline_6
def pipeline_6(images, labels, new_images):
    """Write the network out, layer by layer."""
    x = normalize(images)
    keras.utils.set_random_seed(0)
    dense = [keras.layers.Dense(neurons, activation="relu") for neurons in (64, 10)]
    flatten, softmax = keras.layers.Flatten(), keras.layers.Softmax()
    model = keras.Sequential([keras.Input((28, 28)), flatten, *dense, softmax])
    adam = keras.optimizers.Adam(0.005)
    model.compile(adam, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    train = x[:2000], labels[:2000]
    val = x[2000:2400], labels[2000:2400]
    return learn(model, train, val, normalize(new_images))


# %% reading_6
pass
