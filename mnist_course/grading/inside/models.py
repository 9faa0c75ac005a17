"""Keras models on their way across the boundary: as configuration and weights, and nothing else.

The learner's process exports a model; a clean process, in which no learner's code has run, rebuilds
it and answers for it. Both describe models and let them predict in the same way.
"""

import json
from types import FunctionType
from typing import Any

import numpy as np
import numpy.typing as npt

from mnist_course._backend import keras

OWN_PACKAGES = ("keras", "tensorflow")  # whose functions Keras finds again by their names


def export(model: keras.Model, largest: int) -> dict[str, Any]:
    """Write a model as data, if it can be rebuilt from data.

    Parameters
    ----------
    model : keras.Model
        Any model.
    largest : int
        Bytes of weights that may cross.

    Returns
    -------
    dict
        Either ``{"reason": ...}``, why only this process can answer for the model, or
        ``"config"``, Keras's own JSON of the architecture; ``"weights"``, a list of arrays, or None
        if it has none yet; and ``"compiled"``, JSON of optimizer, loss and metrics: "" if there are
        none, None if they cannot be written.
    """
    if function := _own_function(model):
        return {"reason": f"it computes with a function of the notebook, `{function}`"}
    weights = [np.asarray(weight) for weight in model.get_weights()] if model.built else None
    if sum(weight.nbytes for weight in weights or []) > largest:
        return {"reason": f"its weights take more than {largest // 2**20} MiB"}
    try:
        config = keras.saving.serialize_keras_object(model)
        config.pop("compile_config", None)
        written = json.dumps(config)
    except Exception as error:
        return {"reason": f"Keras cannot write it as data ({type(error).__name__})"}
    return {"config": written, "weights": weights, "compiled": _export_settings(model)}


def rebuild(
    config: str, weights: list[npt.NDArray[Any]] | None, compiled: str | None
) -> keras.Model:
    """Make a model of what `export` wrote and the judge has checked."""
    model = keras.saving.deserialize_keras_object(json.loads(config))
    if weights is not None:
        model.set_weights(weights)
        for layer in _layers(model):
            if isinstance(layer, keras.layers.Normalization):
                layer.finalize_state()
    if compiled:
        settings = keras.saving.deserialize_keras_object(json.loads(compiled))
        model.compile(**settings)
    return model


def describe(model: keras.Model) -> dict[str, Any]:
    """Say of a model what `Student.describe` tells."""
    compiled = bool(model.compiled)
    metrics = model.get_compile_config()["metrics"] or [] if compiled else []
    return {
        "parameters": model.count_params() if model.built else None,
        "trainable": sum(weight.numpy().size for weight in model.trainable_weights)
        if model.built
        else None,
        "input_shape": getattr(model, "input_shape", None),
        "output_shape": getattr(model, "output_shape", None),
        "layers": [
            {
                "kind": type(layer).__name__,
                "units": getattr(layer, "units", None),
                "activation": getattr(getattr(layer, "activation", None), "__name__", None),
                "weights": [np.asarray(weight) for weight in layer.get_weights()],
            }
            for layer in model.layers
        ],
        "optimizer": type(model.optimizer).__name__ if compiled else None,
        "learning_rate": float(np.asarray(model.optimizer.learning_rate)) if compiled else None,
        "loss": _name(model.loss) if compiled else None,
        "from_logits": bool(getattr(model.loss, "from_logits", False)),
        "metrics": [_name(metric) for metric in metrics],
    }


def _export_settings(model: keras.Model) -> str | None:
    if not model.compiled:
        return ""
    try:
        settings = model.get_compile_config()
        return json.dumps({name: settings[name] for name in ("optimizer", "loss", "metrics")})
    except Exception:
        return None


def _own_function(model: keras.Model) -> str:
    """Return the name of a function of the notebook's with which a layer computes, or "".

    Keras writes only its name, and would find a function of its own of that name.
    """
    for layer in _layers(model):
        for attribute, value in vars(layer).items():
            if (
                isinstance(value, FunctionType)
                and value.__module__.partition(".")[0] not in OWN_PACKAGES
                # Never used for an answer, and told by its name alone.
                and attribute != "loss"
            ):
                return value.__name__
    return ""


def _layers(model: keras.Model) -> list[Any]:
    """List a model and all layers within it."""
    return [model, *model._flatten_layers(include_self=False)]


def _name(thing: Any) -> str:
    """Return what a loss or metric was given as: a string, or the name of a function or class."""
    if isinstance(thing, str):
        return thing
    if isinstance(thing, dict):
        return str(thing.get("class_name"))
    return str(getattr(thing, "__name__", type(thing).__name__))
