# Uses TensorFlow and scikit-learn, and leaves tensors as they are.
# %% summarize
import tensorflow as tf


def summarize(images, labels):
    counts = tf.math.bincount(tf.cast(labels, tf.int32), minlength=10)
    shape = tf.shape(images)
    return dict(
        images=shape[0],
        height=shape[1],
        width=shape[2],
        lowest=tf.reduce_min(images),
        highest=tf.reduce_max(images),
        counts=counts,
    )


# %% split
from sklearn.model_selection import train_test_split


def split(images, labels, share):
    parts = train_test_split(images, labels, test_size=share, shuffle=False)
    return (parts[0], parts[2]), (parts[1], parts[3])


# %% parse_idx
def parse_idx(data):
    if tuple(data[:3]) != (0, 0, 8):
        raise ValueError(f"these bytes begin with {data[:3]}")
    dimensions = data[3]
    sizes = np.frombuffer(data, dtype=">i4", count=dimensions, offset=4)
    values = tf.io.decode_raw(data[4 + 4 * dimensions :], tf.uint8)
    if tf.size(values) != np.prod(sizes):
        raise ValueError("some values are missing")
    return tf.reshape(values, sizes)
