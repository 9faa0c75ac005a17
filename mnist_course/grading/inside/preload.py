"""Imported once, before any learner's code: what nearly every notebook imports."""

import matplotlib.pyplot
import matplotlib_inline.backend_inline
import scipy.stats
import sklearn.metrics

import mnist_course.evaluation
import mnist_course.plots
import mnist_course.training

__all__ = ["matplotlib", "matplotlib_inline", "mnist_course", "scipy", "sklearn"]
