# Uses TensorFlow and scikit-learn where NumPy would do.
# %% scale
import tensorflow as tf


def scale(images):
    return (tf.cast(images, tf.float32) / 255.0).numpy()


# %% unscale
def unscale(images):
    return np.around(np.clip(images, 0, 1) * 255.0).astype("uint8")


# %% standardize
from sklearn.preprocessing import StandardScaler


def standardize(train, test):
    scaler = StandardScaler().fit(train.reshape(-1, 1))
    return tuple(
        scaler.transform(x.reshape(-1, 1)).reshape(x.shape).astype("float32") for x in (train, test)
    )
