# %% case_1
def diagnosis_1():
    return "turned"


def evidence_1(run):
    new, known = run["new_images"].mean(axis=0), run["train_images"].mean(axis=0)
    return 4 * (1 - np.corrcoef(new.ravel(), known.ravel())[0, 1])


def fixed_1(images, labels, new_images):
    return healthy(images, labels, new_images)


# %% case_2
def diagnosis_2():
    return "labels"


def evidence_2(run):
    raw = normalize(run["raw_images"])
    known = {image.tobytes(): label for image, label in zip(raw, run["raw_labels"])}
    right = [known[image.tobytes()] for image in run["train_images"]]
    return np.mean(right != run["train_labels"]) > 0


def fixed_2(images, labels, new_images):
    ink = images.mean(axis=(1, 2))
    rows = np.flatnonzero(ink > np.quantile(ink, 0.002))
    x, y = normalize(images[rows]), labels[rows]
    return learn(build(), (x[:2000], y[:2000]), (x[2000:2400], y[2000:2400]), normalize(new_images))


# %% case_3
def diagnosis_3():
    return "rate falls"


def evidence_3(run):
    return np.ptp(run["history"]["loss"][1:]) < 1e-5


def fixed_3(images, labels, new_images):
    x = normalize(images)
    rate = keras.optimizers.schedules.CosineDecay(0.005, decay_steps=6 * 2000 // 32)
    train, val = (x[:2000], labels[:2000]), (x[2000:2400], labels[2000:2400])
    return learn(build(rate), train, val, normalize(new_images))


# %% case_4
def diagnosis_4():
    return "leakage"


def evidence_4(run):
    known = set(map(bytes, run["train_images"]))
    return 2 * sum(bytes(image) in known for image in run["val_images"]) / len(run["val_images"])


def fixed_4(images, labels, new_images):
    order = np.random.default_rng(0).choice(len(images), size=len(images), replace=False)
    return healthy(images[order], labels[order], new_images)


# %% case_5
def diagnosis_5():
    return "overflow"


def evidence_5(run):
    # Black is the most frequent value by far, and should be the lowest.
    return np.median(run["train_images"]) > run["train_images"].min()


def fixed_5(images, labels, new_images):
    x = np.clip(images / 255 + 20 / 255, 0, 1).astype("float32")
    x_new = np.clip(new_images / 255 + 20 / 255, 0, 1).astype("float32")
    return learn(build(), (x[:2000], labels[:2000]), (x[2000:2400], labels[2000:2400]), x_new)


# %% case_6
def diagnosis_6():
    return "relu at the end"


def evidence_6(run):
    lowest = np.sort(run["outputs"][-1], axis=1)
    return np.mean(lowest[:, 0] == lowest[:, 1])


def fixed_6(images, labels, new_images):
    x = normalize(images)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(64, activation="relu"))
    model.add(keras.layers.Dense(10, activation="softmax"))
    adam = keras.optimizers.Adam(0.005)
    model.compile(adam, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    train, val = (x[:2000], labels[:2000]), (x[2000:2400], labels[2000:2400])
    return learn(model, train, val, normalize(new_images))
