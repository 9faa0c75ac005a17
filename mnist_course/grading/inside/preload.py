"""What is imported once, before any learner's code, and which each submission then has."""

import contextlib
from collections.abc import Mapping, Sequence
from importlib import import_module

Imports = Mapping[str, Sequence[str]]  # of each module, the names that are imported from it

ALWAYS: Imports = {"matplotlib.pyplot": (), "matplotlib_inline.backend_inline": ()}
EVERYTHING: Imports = {
    **ALWAYS,
    "mnist_course._backend": (),  # TensorFlow and Keras
    "scipy.stats": (),
    "sklearn.metrics": (),
    "mnist_course.evaluation": (),
    "mnist_course.plots": (),
    "mnist_course.training": (),
}

# Others might start threads, which no fork would have. A notebook imports them itself.
_KNOWN = {"matplotlib", "matplotlib_inline", "mnist_course", "numpy", "scipy", "sklearn"}
_NOISY = {"keras", "tensorflow"}


def preload(imports: Imports) -> None:
    """Import what a notebook will import, so that a fork does not have to.

    Parameters
    ----------
    imports : mapping of str to sequence of str
        The modules that it imports, and the names that it imports from them. What is missing, or
        belongs to another package than the course and what it is made of, is left to the notebook.
    """
    for module, names in {**ALWAYS, **imports}.items():
        package = module.partition(".")[0]
        if package in _NOISY:
            import_module("mnist_course._backend")  # imports both, without their messages
        if package in _KNOWN | _NOISY:
            with contextlib.suppress(ImportError):
                found = import_module(module)
                for name in names:
                    getattr(found, name, None)  # the course's own are imported by that
