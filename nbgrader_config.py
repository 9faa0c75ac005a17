"""Where nbgrader finds the assignments of this course, and where it writes."""

from pathlib import Path

from mnist_course.grading.nbgrader import FORMGRADER_TEMPLATES, tolerate_timestamps

c = get_config()  # noqa: F821 (nbgrader defines it when it reads this file)

c.CourseDirectory.course_id = "mnist-course"
# Every path starts from here, whichever folder nbgrader is started in with --config.
c.CourseDirectory.root = str(Path(__file__).resolve().parent)
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
# Hidden tests lie beside their source notebook and must not reach learners.
c.CourseDirectory.ignore.append("test_*.py")

# What AI assistants may do in the exercises: "off", "hints", or "open". `mnist-course release`
# writes the rule into each notebook, and into AGENTS.md beside them.
c.HelpFromAI.rule = "hints"
c.GenerateAssignment.preprocessors.insert(0, "mnist_course.grading.nbgrader.HelpFromAI")

# Learners are untrusted users: `nbgrader autograde` and formgrader read submissions with care,
# run them in the sandbox, and let the hidden tests beside the source notebook decide every point.
c.Autograde.exporter_class = "mnist_course.grading.nbgrader.SubmissionExporter"
c.Autograde.sanitize_preprocessors = ["mnist_course.grading.nbgrader.SandboxedGrading"]
# After that, nothing is left to do; nbgrader would run the notebook again.
c.Autograde.autograde_preprocessors = []
# `nbgrader validate` runs a notebook with your own rights, as Jupyter does: only use it on yours.
# What a submission may use is set by c.Grading, such as c.Grading.memory in bytes, or
# c.Grading.seconds_per_cell; the instructor guide says where all limits and their defaults are.

# Pages of feedback and those of formgrader show what learners wrote, in browsers in which people
# are logged in: nothing of it may act there.
c.GenerateFeedback.exporter_class = "mnist_course.grading.nbgrader.FeedbackExporter"
c.HTMLExporter.sanitize_html = True
c.HTMLExporter.preprocessors = ["mnist_course.grading.nbgrader.HarmlessCells"]
c.HTMLExporter.filters = {
    "markdown2html": "mnist_course.grading.nbgrader.markdown_to_html",
    "clean_html": "mnist_course.grading.nbgrader.clean",
}
# Formulas need no script, so the formgrader needs no MathJax, which it loads from another host.
c.HTMLExporter.extra_template_basedirs = FORMGRADER_TEMPLATES

# Pages about work that did not come through nbgrader's exchange stay, each with a line.
c.ExchangeFactory.release_feedback = "mnist_course.grading.nbgrader.ReleaseFeedback"

# A timestamp.txt that cannot be read must not close the formgrader's list.
tolerate_timestamps()

# What a learning platform hands over is unpacked within limits, and collected by names that
# learners did not choose. `mnist-course collect` takes the archive of a class; this is for
# `nbgrader zip_collect`, with an archive per learner in downloaded/NAME/archive.
c.ZipCollectApp.extractor_plugin = "mnist_course.grading.nbgrader.LimitedExtractor"
c.ZipCollectApp.collector_plugin = "mnist_course.grading.nbgrader.SafeCollector"
# For archives such as "ada_2026-03-31-18-00.zip" and notebooks such as
# "ada_2026-03-31-18-00_02_normalizing.ipynb", both also without a time, or with other parts in its
# place. If yours are named otherwise, change it. It sees the whole path of what was unpacked.
c.FileNameCollectorPlugin.named_regexp = r"""(?x)  # spaces and comments do not count
    .*/extracted/
    (?P<student_id>[^/_]+)_
    (?:(?P<timestamp>\d{4}(?:-\d\d){4,5})(?:_|(?=/)))?  # UTC; without one, nobody is late
    (?:[^/]*/(?:.*/)?)?  # the rest of the name of an archive, and folders in it
    (?:[^/]*_(?=\d\d_[^/_]+$))?  # what else a platform writes before the name of a notebook
    (?P<file_id>[^/]+)$
"""
