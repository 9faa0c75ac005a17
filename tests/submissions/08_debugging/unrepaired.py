# %% case_1
def diagnosis_1():
    return "turned"


def evidence_1(run):
    means = [run[name].mean(axis=0).ravel() for name in ("new_images", "train_images")]
    return np.corrcoef(means)[0, 1] < 0.9


def fixed_1(images, labels, new_images):
    return pipeline_1(images, labels, new_images)


# %% case_2
def diagnosis_2():
    return "labels"


def evidence_2(run):
    raw = zip(normalize(run["raw_images"]), run["raw_labels"], strict=True)
    known = {(image.tobytes(), int(label)) for image, label in raw}
    used = zip(run["train_images"], run["train_labels"], strict=True)
    return any((image.tobytes(), int(label)) not in known for image, label in used)


def fixed_2(images, labels, new_images):
    return pipeline_2(images, labels, new_images)


# %% case_3
def diagnosis_3():
    return "rate falls"


def evidence_3(run):
    _, first, *_, last = run["weights"]
    return all(np.array_equal(a, b) for a, b in zip(first, last, strict=True))


def fixed_3(images, labels, new_images):
    return pipeline_3(images, labels, new_images)


# %% case_4
def diagnosis_4():
    return "leakage"


def evidence_4(run):
    known = {image.tobytes() for image in run["train_images"]}
    return any(image.tobytes() in known for image in run["val_images"])


def fixed_4(images, labels, new_images):
    return pipeline_4(images, labels, new_images)


# %% case_5
def diagnosis_5():
    return "overflow"


def evidence_5(run):
    raw, prepared = run["raw_new_images"], run["new_images"]
    return prepared[raw > 235].mean() < prepared[raw == 0].mean()


def fixed_5(images, labels, new_images):
    return pipeline_5(images, labels, new_images)


# %% case_6
def diagnosis_6():
    return "relu at the end"


def evidence_6(run):
    sums = run["outputs"][1]
    return sums.min() >= 0


def fixed_6(images, labels, new_images):
    return pipeline_6(images, labels, new_images)
