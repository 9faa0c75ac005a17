"""Exercises and their grading: what instructors release, run and score."""

import sys
from importlib.util import find_spec

from mnist_course.errors import CourseError

for _package in ("nbgrader", "nbclient", "pytest", "IPython"):
    if find_spec(_package) is None:
        raise CourseError(
            f"{_package} is not installed, which grading needs: run "
            "pip install 'mnist-course[notebooks]'."
        )

# Every process of grading imports nbformat, and with it jsonschema, which imports this package if
# it's there. It builds 40 parsers of web addresses for 1.5 s, and no notebook has a use for them.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
