# %% case_1
def diagnosis_1():
    return "turned"


def evidence_1(run):
    # YOUR CODE HERE
    raise NotImplementedError()


def fixed_1(images, labels, new_images):
    # YOUR CODE HERE
    raise NotImplementedError()


# %% case_3
def diagnosis_3():
    return "rate falls"


def evidence_3(run):
    # YOUR CODE HERE
    raise NotImplementedError()


def fixed_3(images, labels, new_images):
    # YOUR CODE HERE
    raise NotImplementedError()


# %% case_6
def diagnosis_6():
    return "relu at the end"


def evidence_6(run):
    # YOUR CODE HERE
    raise NotImplementedError()


def fixed_6(images, labels, new_images):
    # YOUR CODE HERE
    raise NotImplementedError()


# %% case_4
def diagnosis_4():
    return "leakage"


def evidence_4(run):
    known = {image.tobytes() for image in run["train_images"]}
    return any(image.tobytes() in known for image in run["val_images"])


def fixed_4(images, labels, new_images):
    # YOUR CODE HERE
    raise NotImplementedError()


# %% case_5
def diagnosis_5():
    # YOUR CODE HERE
    raise NotImplementedError()


def evidence_5(run):
    raw, prepared = run["raw_new_images"], run["new_images"]
    return prepared[raw > 235].mean() < prepared[raw == 0].mean()


def fixed_5(images, labels, new_images):
    x = normalize(np.minimum(images.astype("int16") + 20, 255).astype("uint8"))
    x_new = normalize(np.minimum(new_images.astype("int16") + 20, 255).astype("uint8"))
    train = x[:2000], labels[:2000]
    val = x[2000:2400], labels[2000:2400]
    return learn(build(), train, val, x_new)
