"""Train the networks of the course: `fit`, and the recipes made from it.

In: a compiled model, normalized images and their labels. Out: a `keras.callbacks.History`.
"""

from .fitting import fit
from .recipes import RECIPES, Recipe, train

__all__ = ["RECIPES", "Recipe", "fit", "train"]
