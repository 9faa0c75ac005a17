"""Exercises and their grading: what instructors release, run and score."""

from importlib.util import find_spec

from mnist_course.errors import CourseError

for _package in ("nbgrader", "nbclient", "pytest", "IPython"):
    if find_spec(_package) is None:
        raise CourseError(
            f"{_package} is not installed, which grading needs: run "
            "pip install 'mnist-course[notebooks]'."
        )
