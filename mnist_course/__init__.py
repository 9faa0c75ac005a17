"""Classify handwritten digits with a first neural network."""

__version__ = "0.1.0"
