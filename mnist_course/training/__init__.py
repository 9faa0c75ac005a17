"""Train the networks of the course: `fit`, and the recipes made from it."""

from .fitting import fit
from .recipes import RECIPES, Recipe, train

__all__ = ["RECIPES", "Recipe", "fit", "train"]
