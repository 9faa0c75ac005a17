"""TensorFlow and Keras, imported without their start-up messages.

TensorFlow writes about drivers and instruction sets to file descriptor 2, before any setting of its
own can stop it. That alarms learners, clutters notebooks, and nbgrader takes any output there for
a failure. Set ``TF_CPP_MIN_LOG_LEVEL=0`` to see the messages.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["keras", "tf"]


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Send file descriptor 2 to a temporary file; show the file if the block raises."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with tempfile.TemporaryFile() as messages:
            os.dup2(messages.fileno(), 2)
            try:
                yield
            except BaseException:
                os.dup2(kept, 2)
                messages.seek(0)
                os.write(2, messages.read())
                raise
            finally:
                os.dup2(kept, 2)
    finally:
        os.close(kept)


if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "0":
    import tensorflow as tf
else:
    with _without_stderr():
        import tensorflow as tf
    # Its Python side warns too, for one of every model that a long study predicts with.
    tf.get_logger().setLevel("ERROR")

import keras  # noqa: E402
