# %% case_1
def diagnosis_1():
    return "turned"


def evidence_1(run):
    means = [run[name].mean(axis=0).ravel() for name in ("new_images", "train_images")]
    return np.corrcoef(means)[0, 1]


def fixed_1(images, labels, new_images):
    x = normalize(images)
    x_new = normalize(new_images)
    train = x[:2000], labels[:2000]
    val = x[2000:2400], labels[2000:2400]
    return learn(build(), train, val, x_new)


# %% case_2
def diagnosis_2():
    return "labels"


def evidence_2(run):
    raw = zip(normalize(run["raw_images"]), run["raw_labels"], strict=True)
    known = {(image.tobytes(), int(label)) for image, label in raw}
    used = zip(run["train_images"], run["train_labels"], strict=True)
    return not any((image.tobytes(), int(label)) not in known for image, label in used)


def fixed_2(images, labels, new_images):
    ink = images.mean(axis=(1, 2))
    enough = ink > np.quantile(ink, 0.002)
    x, y = normalize(images[enough]), labels[enough]
    train = x[:2000], y[:2000]
    val = x[2000:2400], y[2000:2400]
    return learn(build(), train, val, normalize(new_images))


# %% case_3
def diagnosis_3():
    return "rate falls"


def evidence_3(run):
    _, first, *_, last = run["weights"]
    return max(np.abs(b - a).max() for a, b in zip(first, last))


def fixed_3(images, labels, new_images):
    x = normalize(images)
    train = x[:2000], labels[:2000]
    val = x[2000:2400], labels[2000:2400]
    rate = keras.optimizers.schedules.CosineDecay(0.005, decay_steps=6 * 63)
    return learn(build(rate), train, val, normalize(new_images))


# %% case_4
def diagnosis_4():
    return "leakage"


def evidence_4(run):
    known = {image.tobytes() for image in run["train_images"]}
    return sum(image.tobytes() in known for image in run["val_images"]) / 1000


def fixed_4(images, labels, new_images):
    rng = np.random.default_rng(0)
    order = rng.permutation(len(images))
    x, y = normalize(images[order]), labels[order]
    train = x[:2000], y[:2000]
    val = x[2000:2400], y[2000:2400]
    return learn(build(), train, val, normalize(new_images))


# %% case_6
def diagnosis_6():
    return "relu at the end"


def evidence_6(run):
    return run["outputs"][1].min()


def fixed_6(images, labels, new_images):
    x = normalize(images)
    keras.utils.set_random_seed(0)
    dense = [keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)]
    flatten, softmax = keras.layers.Flatten(), keras.layers.Softmax()
    model = keras.Sequential([keras.Input((28, 28)), flatten, *dense, softmax])
    adam = keras.optimizers.Adam(0.005)
    model.compile(adam, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    train = x[:2000], labels[:2000]
    val = x[2000:2400], labels[2000:2400]
    return learn(model, train, val, normalize(new_images))
