"""Check a machine: what the course needs, what is missing, and the command that fixes it."""

import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import psutil
from packaging.requirements import Requirement

from . import _programs
from ._text import counted
from .data import load_mnist
from .errors import DataError

PACKAGES = (
    "tensorflow",
    "keras",
    "numpy",
    "matplotlib",
    "scikit-learn",
    "jupyter-book",
    "nbgrader",
)
PYTHONS = ((3, 11), (3, 14))  # from the first, and below the second
NEEDED_MEMORY = 2.0  # GiB; training the reference network peaks below this
INSTALL = f"{sys.executable} -m pip install -r requirements.txt"
REINSTALL = f"{INSTALL} --force-reinstall"


@dataclass(frozen=True)
class Check:
    """What a machine has of one thing that the course needs.

    Attributes
    ----------
    name : str
        What was checked.
    ok : bool
        Whether it is as the course needs it.
    found : str
        What was found.
    mend : str
        The command that fixes it; empty if nothing is missing or no command can.
    required : bool
        False for what only some readers need.
    """

    name: str
    ok: bool
    found: str
    mend: str = ""
    required: bool = True


def examine() -> list[Check]:
    """Check everything that the course needs on this machine.

    Returns
    -------
    list of Check
        Python, packages, TensorFlow, processor, memory, data, Jupyter kernel, sandbox, browser.
    """
    return [
        _python(),
        *map(_package, PACKAGES),
        _tensorflow(),
        _processor(),
        _memory(),
        _data(),
        _kernel(),
        _sandbox(),
        _browser(),
    ]


def _python() -> Check:
    found = f"{platform.python_version()} on {platform.system()} ({sys.executable})"
    oldest, too_new = PYTHONS
    if sys.version_info < oldest:
        found += ": too old, install Python 3.13"
    elif sys.version_info >= too_new:
        found += ": too new, TensorFlow has no wheels for it; install Python 3.13"
    else:
        return Check("Python", True, found)
    return Check("Python", False, found, "uv venv --python 3.13")


def _package(name: str) -> Check:
    needed = {
        need.name: need.specifier for need in map(Requirement, requires("mnist-course") or [])
    }
    required = name not in ("jupyter-book", "nbgrader")
    try:
        found = version(name)
    except PackageNotFoundError:
        return Check(name, False, "not installed", INSTALL, required)
    if needed[name].contains(found, prereleases=True):
        return Check(name, True, found)
    # Colab comes with packages of its own, and keeps those that were imported before.
    restart = ", then restart the session" if "COLAB_RELEASE_TAG" in os.environ else ""
    return Check(name, False, f"{found}, needed is {needed[name]}", INSTALL + restart, required)


def _tensorflow() -> Check:
    # In a process of its own: on a processor it was not built for, TensorFlow kills its process.
    program = "import tensorflow as tf; print(int(tf.reduce_sum(tf.range(4))))"
    try:
        result = _programs.run([sys.executable, "-c", program])
    except subprocess.TimeoutExpired:
        return Check("TensorFlow runs", False, f"no answer within {_programs.SECONDS} s")
    if result.returncode == 0 and result.stdout.strip() == "6":
        return Check("TensorFlow runs", True, "yes")
    last = (result.stderr.strip().splitlines() or ["no message"])[-1]
    found = f"exit status {result.returncode}: {last[:200]}"
    return Check("TensorFlow runs", False, found, REINSTALL)


def _processor() -> Check:
    affinity = hasattr(os, "sched_getaffinity")
    usable = len(os.sched_getaffinity(0)) if affinity else os.cpu_count() or 1
    return Check("processor", True, f"{platform.machine()}, {counted(usable, 'usable core')}")


def _memory() -> Check:
    memory = psutil.virtual_memory()
    free, total = memory.available / 2**30, memory.total / 2**30
    found = f"{free:.1f} GiB free of {total:.1f} GiB"
    return Check("memory", free >= NEEDED_MEMORY, found, "", required=False)


def _data() -> Check:
    try:
        mnist = load_mnist()
    except DataError as error:
        own = os.environ.get("MNIST_COURSE_DATA")
        return Check("data", False, str(error), "unset MNIST_COURSE_DATA" if own else REINSTALL)
    return Check("data", True, f"complete MNIST from {mnist.source}")


def _kernel() -> Check:
    listing = [sys.executable, "-m", "jupyter", "kernelspec", "list", "--json"]
    mend = f"{sys.executable} -m ipykernel install --user --name mnist-course"
    try:
        result = _programs.run(listing)
        specs = json.loads(result.stdout)["kernelspecs"]
    except (subprocess.TimeoutExpired, json.JSONDecodeError, KeyError):
        return Check("Jupyter kernel", False, "Jupyter is not installed", INSTALL, required=False)
    own = Path(sys.executable).parent
    for name, spec in specs.items():
        command = spec["spec"]["argv"][0]
        # A kernel named just "python" is started with the Python that Jupyter runs on.
        if command in ("python", "python3") or Path(command).parent == own:
            return Check("Jupyter kernel", True, f"{name} ({command})")
    found = f"{', '.join(specs) or 'none'}: none of them uses {sys.executable}"
    return Check("Jupyter kernel", False, found, mend, required=False)


def _sandbox() -> Check:
    reason, command = _programs.try_sandbox()
    if reason:
        return Check("sandbox", False, reason, command, required=False)
    return Check("sandbox", True, f"bubblewrap ({shutil.which('bwrap')})")


def _browser() -> Check:
    if found := _programs.find_browser():
        return Check("browser", True, found, required=False)
    mend = "sudo apt-get install chromium" if sys.platform == "linux" else ""
    return Check("browser", False, "no Chromium, Chrome or Edge", mend, required=False)
