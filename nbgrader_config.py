"""Where nbgrader finds the assignments of this course, and where it writes."""

from pathlib import Path

c = get_config()  # noqa: F821 (nbgrader defines it when it reads this file)

c.CourseDirectory.course_id = "mnist-course"
# Every path starts from here, whichever folder nbgrader is started in with --config.
c.CourseDirectory.root = str(Path(__file__).resolve().parent)
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
# Hidden tests lie beside their source notebook and must not reach learners.
c.CourseDirectory.ignore.append("test_*.py")
# The cells that train take a minute; nbgrader would stop them after half of one.
c.Execute.timeout = 300
