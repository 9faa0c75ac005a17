"""Tell whether two models compute the same, given the same values of their variables."""

import inspect
import re
import types
from typing import Any

from ._backend import keras, tf

# What has no part in a step: values to begin with, bookkeeping of Keras and TensorFlow.
_APART = (keras.initializers.Initializer, keras.callbacks.Callback, inspect.Signature)
_APART_NAMES = ("Tracker", "TrackableReference", "_DefaultDistributionStrategy")


def structure_of(model: keras.Model) -> tuple[object, ...] | None:
    """Return all that a model is made of but the values of its variables and the numbers of names.

    Models of the same structure compute the same from the same values. None if a part is not
    Keras's own, because a function or an array of one's own may differ where it looks the same.
    """
    found: list[object] = []
    places = {id(model): 0}
    apart = ("_epoch_programs", "history")
    waiting: list[Any] = [{k: v for k, v in vars(model).items() if k not in apart}]
    waiting.append(type(model))
    seen = []  # kept, so that no two of them get the same id
    while waiting:
        thing = waiting.pop()
        seen.append(thing)
        if thing is None or isinstance(thing, bool | int | float):
            found.append(thing)
        elif isinstance(thing, str):
            found.append(re.sub(r"_\d+|\d{9,}", "", thing))
        elif id(thing) in places:
            found.append(("again", places[id(thing)]))
        else:
            places[id(thing)] = len(places)
            if isinstance(thing, tf.Variable):
                found.append((tuple(thing.shape), thing.dtype))
            elif isinstance(thing, dict):
                found.append(("dict", len(thing)))
                waiting += [part for item in thing.items() for part in item]
            elif isinstance(thing, list | tuple | set | frozenset):
                found.append((type(thing).__name__, len(thing)))
                waiting += sorted(thing, key=str) if isinstance(thing, set) else thing
            elif not isinstance(thing, _APART) and type(thing).__name__ not in _APART_NAMES:
                itself = isinstance(thing, type | types.FunctionType | types.ModuleType)
                kind = thing if itself else type(thing)
                module = getattr(kind, "__module__", kind.__name__)
                if not module.startswith("keras."):
                    return None
                found.append((module, getattr(kind, "__qualname__", kind.__name__)))
                waiting.append({} if itself else getattr(thing, "__dict__", {}))
    return tuple(found)
