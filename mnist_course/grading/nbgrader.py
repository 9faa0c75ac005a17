"""Everything that ``nbgrader_config.py``, hidden tests and nbgrader's command line may name.

The modules behind these names may move; the names stay. Each is loaded when it is first used.
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# Where the formgrader finds the template of its page: a file of ours comes before nbgrader's.
FORMGRADER_TEMPLATES = [
    str(Path(__file__).parent / "gradebook" / "templates"),
    *(
        str(Path(folder, "server_extensions", "formgrader", "templates"))
        for spec in [find_spec("nbgrader")]
        for folder in (spec and spec.submodule_search_locations) or []
    ),
]

_HOMES = {
    "SubmissionExporter": "batch.autograde",
    "SandboxedGrading": "batch.autograde",
    "FeedbackExporter": "gradebook.feedback",
    "StagedExporter": "gradebook.feedback",
    "HarmlessCells": "gradebook.feedback",
    "LearnerPage": "gradebook.feedback",
    "markdown_to_html": "gradebook.feedback",
    "clean": "gradebook.feedback",
    "ReleaseFeedback": "gradebook.give_back",
    "CsvExporter": "gradebook.exports",
    "CanvasExporter": "gradebook.exports",
    "MoodleExporter": "gradebook.exports",
    "LimitedExtractor": "submissions.archives",
    "SafeCollector": "submissions.collect",
    "tolerate_timestamps": "submissions.timestamps",
    "HelpFromAI": "course.assistants",
    "StudentError": "judging.student",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"mnist_course.grading.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
