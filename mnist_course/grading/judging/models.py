"""Decide whether a clean process may rebuild a model from what the learner's process wrote of it.

Keras makes objects of any class and function that a configuration names. So everything that one
names is looked up here first, in plain data: nothing but built-in parts of networks gets through,
and none that reads files, runs code, or holds a table of words. Nor may a configuration hold
parameters, such as those of a `Rescaling` with a number for each pixel: what counts are weights.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

LONGEST_CONFIG = 2**18  # characters: some 200 layers
MOST_WEIGHTS = 2000  # arrays
LONGEST_REASON = 200  # characters
DEEPEST = 60  # levels: a layer in a model in a model takes eight
LONGEST_SHAPE = 6  # numbers
MOST_NUMBERS = 30  # in all lists that are longer: they may be parameters that nobody counts

_LAYERS = """
    Activation ActivityRegularization Add AlphaDropout Attention Average AveragePooling1D
    AveragePooling2D BatchNormalization Bidirectional CategoryEncoding CenterCrop Concatenate Conv1D
    Conv2D Conv2DTranspose Cropping1D Cropping2D Dense DepthwiseConv1D DepthwiseConv2D Dot Dropout
    EinsumDense ELU Embedding Flatten GaussianDropout GaussianNoise GlobalAveragePooling1D
    GlobalAveragePooling2D GlobalMaxPooling1D GlobalMaxPooling2D GroupNormalization GRU GRUCell
    Identity InputLayer LayerNormalization LeakyReLU LSTM LSTMCell Masking Maximum MaxPooling1D
    MaxPooling2D Minimum MultiHeadAttention Multiply Normalization Permute PReLU RandomBrightness
    RandomContrast RandomCrop RandomFlip RandomRotation RandomShear RandomTranslation RandomZoom
    ReLU RepeatVector Rescaling Reshape Resizing RMSNormalization RNN SeparableConv1D
    SeparableConv2D SimpleRNN SimpleRNNCell Softmax SpatialDropout1D SpatialDropout2D
    SpectralNormalization StackedRNNCells Subtract TimeDistributed UnitNormalization UpSampling1D
    UpSampling2D ZeroPadding1D ZeroPadding2D
"""
_LOSSES = """
    BinaryCrossentropy BinaryFocalCrossentropy CategoricalCrossentropy CategoricalFocalCrossentropy
    CategoricalHinge CosineSimilarity Hinge Huber KLDivergence LogCosh MeanAbsoluteError
    MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError Poisson
    SparseCategoricalCrossentropy SquaredHinge
"""
_METRICS = """
    Accuracy AUC BinaryAccuracy BinaryCrossentropy CategoricalAccuracy CategoricalCrossentropy
    CategoricalHinge CosineSimilarity F1Score FalseNegatives FalsePositives Hinge KLDivergence
    LogCoshError Mean MeanAbsoluteError MeanSquaredError Poisson Precision Recall
    RootMeanSquaredError SparseCategoricalAccuracy SparseCategoricalCrossentropy
    SparseTopKCategoricalAccuracy SquaredHinge Sum TopKCategoricalAccuracy TrueNegatives
    TruePositives
"""
_OPTIMIZERS = """
    Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion LossScaleOptimizer Muon Nadam
    RMSprop SGD
"""
_SCHEDULES = """
    CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay PiecewiseConstantDecay
    PolynomialDecay
"""
_INITIALIZERS = """
    Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity IdentityInitializer LecunNormal
    LecunUniform Ones Orthogonal OrthogonalInitializer RandomNormal RandomUniform TruncatedNormal
    VarianceScaling Zeros
"""
# Activations, losses, and metrics that are given as functions.
_FUNCTIONS = """
    celu elu exponential gelu hard_sigmoid hard_silu leaky_relu linear log_sigmoid log_softmax mish
    relu relu6 selu sigmoid silu softmax softplus softsign swish tanh
    binary_accuracy binary_crossentropy binary_focal_crossentropy categorical_accuracy
    categorical_crossentropy categorical_focal_crossentropy categorical_hinge cosine_similarity
    hinge huber kl_divergence log_cosh mean_absolute_error mean_absolute_percentage_error
    mean_squared_error mean_squared_logarithmic_error poisson sparse_categorical_accuracy
    sparse_categorical_crossentropy sparse_top_k_categorical_accuracy squared_hinge
    top_k_categorical_accuracy
"""
_MODELS = {"Functional", "Model", "Sequential"}
_DTYPES = {"DTypePolicy", "FloatDTypePolicy"}
# By the module under which Keras writes them.
CLASSES = {
    "keras": _MODELS | _DTYPES,
    "keras.models": _MODELS,
    "keras.src.models.functional": {"Functional"},
    "keras.dtype_policies": _DTYPES,
    "keras.layers": set(_LAYERS.split()),
    "keras.losses": set(_LOSSES.split()),
    "keras.metrics": set(_METRICS.split()),
    "keras.optimizers": set(_OPTIMIZERS.split()),
    "keras.optimizers.schedules": set(_SCHEDULES.split()),
    "keras.initializers": set(_INITIALIZERS.split()),
    "keras.regularizers": {"L1", "L1L2", "L2", "OrthogonalRegularizer"},
    "keras.constraints": {"MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"},
}
FUNCTIONS = set(_FUNCTIONS.split())
# An input or output of a layer; plain data, like all that has no name.
_TENSOR = "__keras_tensor__"


class ModelError(ValueError):
    """A model cannot be rebuilt.

    Parameters
    ----------
    reason : str
        Why, as a clause for the instructor. It may hold an untrusted user's words: kept is what any
        screen can show.
    """

    def __init__(self, reason: str) -> None:
        shown = reason[:LONGEST_REASON]
        super().__init__("".join(c for c in shown if c.isascii() and c.isprintable()))


@dataclass(frozen=True)
class CheckedModel:
    """What a clean process needs to rebuild a model; see `inside.models.rebuild`.

    Attributes
    ----------
    config : str
        Keras's JSON of the architecture.
    weights : list of ndarray or None
        None if the model has none yet.
    compiled : str or None
        JSON of what it was compiled with; "" if it was not, None if that is not built in.
    """

    config: str
    weights: list[npt.NDArray[Any]] | None
    compiled: str | None


def check_model(exported: object) -> CheckedModel:
    """Check what an untrusted user may have written of a model.

    Parameters
    ----------
    exported : object
        The answer of the learner's process; at best what `inside.models.export` writes.

    Returns
    -------
    CheckedModel
        What names nothing but built-in parts of networks.

    Raises
    ------
    ModelError
        If the model cannot be rebuilt, or should not.
    """
    match exported:
        case {"reason": str(reason)}:
            raise ModelError(reason)
        case {"config": str(config), "weights": None | list() as weights, "compiled": compiled}:
            pass
        case _:
            raise ModelError("it came in an unknown form")
    if weights and len(weights) > MOST_WEIGHTS:
        raise ModelError(f"it has more than {MOST_WEIGHTS} arrays of weights")
    if any(type(weight) is not np.ndarray for weight in weights or []):
        raise ModelError("its weights are not plain arrays")
    _check_json(config)
    try:
        if compiled != "":
            _check_json(compiled)
    except ModelError:
        compiled = None
    return CheckedModel(config, weights, compiled)


def _check_json(text: object) -> None:
    if not isinstance(text, str):
        raise ModelError("its configuration is no text")
    if len(text) > LONGEST_CONFIG:
        raise ModelError(f"its configuration has more than {LONGEST_CONFIG:,} characters")
    try:
        document = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise ModelError("its configuration is not JSON") from None
    if not isinstance(document, dict):
        raise ModelError("its configuration is not JSON of an object")
    _check_names(document, DEEPEST)
    if _numbers(document) > MOST_NUMBERS:
        raise ModelError(f"it has more than {MOST_NUMBERS} numbers outside of its weights")


def _numbers(value: object) -> int:
    """Count the numbers in all lists that are longer than a shape, with the lists within them."""
    if isinstance(value, dict):
        # What a layer is built with is only shapes: they hold no parameters.
        return sum(_numbers(item) for key, item in value.items() if key != "build_config")
    if not isinstance(value, list):
        return 0
    items = list(_flat(value))
    plain = sum(isinstance(item, int | float) for item in items)
    return plain * (plain > LONGEST_SHAPE) + sum(map(_numbers, items))


def _flat(value: object) -> Iterator[object]:
    if isinstance(value, list):
        for item in value:
            yield from _flat(item)
    else:
        yield value


def _refuse(constant: str) -> None:
    raise ModelError(f"its configuration has a number {constant}")


def _check_names(value: object, depth: int) -> None:
    """Refuse whatever names a class or a function that is not listed above."""
    if depth == 0:
        raise ModelError("its configuration is too deep")
    if isinstance(value, list):
        for item in value:
            _check_names(item, depth - 1)
    elif isinstance(value, dict):
        if "class_name" in value:
            _check_name(value)
        for item in value.values():
            _check_names(item, depth - 1)


def _check_name(value: dict[str, Any]) -> None:
    kind, module, config = (value.get(key) for key in ("class_name", "module", "config"))
    if kind == "function":
        known = module == "builtins" and isinstance(config, str) and config in FUNCTIONS
        name = config
    else:
        known = (kind == _TENSOR and module is None) or (
            isinstance(kind, str)
            and isinstance(module, str)
            and isinstance(config, dict)
            and kind in CLASSES.get(module, ())
        )
        name = kind
    if not known:
        raise ModelError(f"it has a part that is not built in, {str(name)[:40]!r}")
