"""Classify handwritten digits with a first neural network.

The pipeline, in the order of its names::

    mnist = load_mnist()
    images = normalize(mnist.train_images)
    model, history = train(images, mnist.train_labels)
    evaluation = evaluate(model, normalize(mnist.test_images), mnist.test_labels)

Importing this package does not import TensorFlow: each name is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import plots
    from .data import MNIST, load_mnist
    from .errors import CourseError
    from .evaluation import Evaluation, evaluate, predict
    from .models import build_mlp, load_model
    from .preprocessing import augment, from_drawing, normalize, read_drawing
    from .training import fit, train

__version__ = "0.1.0"

__all__ = [
    "MNIST",
    "CourseError",
    "Evaluation",
    "augment",
    "build_mlp",
    "evaluate",
    "fit",
    "from_drawing",
    "load_mnist",
    "load_model",
    "normalize",
    "plots",
    "predict",
    "read_drawing",
    "train",
]

_HOMES = {
    "MNIST": "data",
    "load_mnist": "data",
    "CourseError": "errors",
    "Evaluation": "evaluation",
    "evaluate": "evaluation",
    "predict": "evaluation",
    "build_mlp": "models",
    "load_model": "models",
    "augment": "preprocessing",
    "from_drawing": "preprocessing",
    "normalize": "preprocessing",
    "read_drawing": "preprocessing",
    "fit": "training",
    "train": "training",
}


def __getattr__(name: str) -> Any:
    if name == "plots":
        return import_module(".plots", __name__)
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
