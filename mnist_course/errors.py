"""The one kind of error that a person meets: a sentence, not a traceback."""


class CourseError(ValueError):
    """Something given to the course cannot be used.

    The message is one sentence for a person: what was given, what was expected, what to do.
    The command line prints it and exits with status 1.
    """


class DataError(CourseError):
    """A data set is missing, damaged or not the one it claims to be."""
