"""Tell a notebook from a terminal: what shows progress in one is a nuisance in the other."""

import sys


def in_notebook() -> bool:
    """Tell whether this runs in a Jupyter kernel, not merely beside its package.

    Returns
    -------
    bool
        True in a kernel.
    """
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")
