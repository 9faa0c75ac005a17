"""Instant feedback for learners: one module of checks per assignment.

A notebook imports the module of its assignment and calls a check after each task::

    from mnist_course.checks import normalizing as check

    check.scale(scale)
"""
