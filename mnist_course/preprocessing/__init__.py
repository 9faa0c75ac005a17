"""Turn pictures into what the network expects.

In: pictures of any kind, or uint8 images of shape (n, 28, 28). Out: images of the same shape, as
float32 values from 0 to 1.
"""

from typing import TYPE_CHECKING, Any

from .drawings import from_drawing, read_drawing, read_picture
from .normalizing import normalize

if TYPE_CHECKING:
    from .augmentation import augment

__all__ = ["augment", "from_drawing", "normalize", "read_drawing", "read_picture"]


def __getattr__(name: str) -> Any:
    # Importing TensorFlow takes seconds, and of all this only `augment` needs it.
    if name == "augment":
        from .augmentation import augment

        return augment
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
