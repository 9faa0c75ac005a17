# Copies slices, sorts, and trains a convolutional network of its own, with few validation images.
# %% shift
def shift(images, down, right):
    moved = np.zeros_like(images)
    rows, columns = images.shape[1:]
    new = slice(max(down, 0), rows + down), slice(max(right, 0), columns + right)
    old = slice(max(-down, 0), rows - down), slice(max(-right, 0), columns - right)
    moved[:, *new] = images[:, *old]
    return moved


# %% choose
def choose(candidates, budget):
    by_accuracy = sorted(candidates, key=lambda c: c["validation_accuracy"], reverse=True)
    return next(c["name"] for c in by_accuracy if not c["parameters"] > budget)


# %% train_network
import keras

from mnist_course import augment, fit

EPOCHS = 3


def convolution(x, filters, size, **options):
    x = keras.layers.Conv2D(filters, size, use_bias=False, **options)(x)
    return keras.layers.ReLU()(keras.layers.BatchNormalization()(x))


def train_network(images, labels):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((28, 28))
    x = keras.layers.Reshape((28, 28, 1))(inputs)
    x = convolution(x, 32, 5, strides=2, padding="same")
    x = convolution(x, 32, 3, padding="same")
    x = convolution(x, 64, 3, strides=2, padding="same")
    x = convolution(x, 64, 3)
    logits = keras.layers.Dense(10)(keras.layers.Flatten()(x))
    model = keras.Model(inputs, logits)
    steps = EPOCHS * int(0.95 * len(images)) // 128
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    history = fit(
        model,
        images,
        labels,
        epochs=EPOCHS,
        batch_size=128,
        validation_split=0.05,
        seed=1,
        prepare_epoch=augment,
    )
    return model, history


model, history = train_network(train_images, train_labels)
