"""What a Dask worker does: keep a sandbox and judges, and grade one submission after the other."""

import os
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
from distributed import Worker, WorkerPlugin, get_worker

import mnist_course
from mnist_course.errors import CourseError
from mnist_course.grading.course.assignment import Assignment
from mnist_course.grading.inside.preload import Imports
from mnist_course.grading.judging.labelled import Labelled
from mnist_course.grading.judging.results import Result
from mnist_course.grading.judging.student import Unconfined
from mnist_course.grading.judging.supervisor import Judges
from mnist_course.grading.sandbox.limits import Limits
from mnist_course.grading.sandbox.supervisor import Child, Sandbox

# A crash may come from outside, such as a machine that is short of memory. Who crashes thrice does
# it alone. All runs together have the time of one, and none is begun that would not end in it.
MOST_RUNS = 3


@dataclass(frozen=True)
class Job:
    """All that a worker needs to know to grade an assignment; nothing comes from shared files.

    Attributes
    ----------
    name : str
        The name of the assignment.
    notebook, tests : str
        Its source notebook, as JSON, and its hidden tests.
    seed : int
        Decides the inputs of the hidden tests; see `secret.read_seed`.
    limits : Limits
        What each submission may use.
    confined : bool
        Whether submissions run in the sandbox.
    labelled : tuple of (ndarray, ndarray), optional
        See `scoring.score`.
    version : str
        The version of this package, which workers must have, too.
    """

    name: str
    notebook: str
    tests: str
    seed: int = field(repr=False)
    limits: Limits
    confined: bool
    labelled: Labelled | None
    version: str = mnist_course.__version__


class Grader(WorkerPlugin):
    """Prepares a worker for a job, and grades.

    Parameters
    ----------
    job : Job
        What to grade.
    name : str
        The name under which the worker knows this plug-in.
    workers : int, optional
        How many workers, named by their number, share the cores of this machine. Each has its own
        then: TensorFlow starts a thread per core, and these would wait for each other.
    """

    idempotent = True

    def __init__(self, job: Job, name: str, workers: int | None = None) -> None:
        self.job = job
        self.name = name
        self.workers = workers

    def setup(self, worker: Worker) -> None:
        """Start the judges and the sandbox.

        Raises
        ------
        CourseError
            If this worker cannot grade; the message says why.
        """
        self._stack = ExitStack()
        if self.job.version != mnist_course.__version__:
            raise CourseError(
                f"a worker has mnist_course {mnist_course.__version__}, and version "
                f"{self.job.version} grades: install the same version everywhere."
            )
        self._one_by_one = threading.Lock()
        self._sandbox = None
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="mnist-course-"))
            tests = Path(folder, f"test_{self.job.name}.py")
            tests.write_text(self.job.tests, encoding="utf-8")
            notebook = nbformat.reads(self.job.notebook, as_version=4)
            assignment = Assignment(self.job.name, notebook, tests)
            judges = Judges(assignment, seed=self.job.seed, labelled=self.job.labelled)
            self._judges = stack.enter_context(judges)
            if self.job.confined:
                self._sandbox = _SandboxThread(
                    self.job.limits, assignment.imports, self._cores(worker)
                )
                stack.callback(self._sandbox.stop)
            judges.wait()
            self._stack = stack.pop_all()

    def teardown(self, worker: Worker) -> None:  # noqa: ARG002
        """Stop the judges and the sandbox, and leave nothing behind."""
        self._stack.close()

    def grade(self, submission: bytes) -> Result:
        """Grade a submission.

        Parameters
        ----------
        submission : bytes
            The notebook that came back.

        Returns
        -------
        Result
            What became of it.
        """
        starter = self._sandbox or Unconfined()
        left = self.job.limits.seconds_per_submission
        with self._one_by_one:
            for _ in range(MOST_RUNS):
                start = time.monotonic()
                limits = replace(self.job.limits, seconds_per_submission=left)
                result = self._judges.grade(submission, partial(starter.spawn, limits), limits)
                took = time.monotonic() - start
                left -= took
                if result.status != "crashed" or left < took:
                    break
        return result

    def _cores(self, worker: Worker) -> list[int]:
        cores = sorted(os.sched_getaffinity(0))
        if self.workers and self.workers <= len(cores):
            return cores[int(worker.name) % self.workers :: self.workers]
        return cores


def grade(submission: bytes, plugin: str) -> dict[str, Any]:
    """Grade a submission on the worker where this runs, as a Dask task.

    Parameters
    ----------
    submission : bytes
        The notebook that came back.
    plugin : str
        The name of the `Grader`.

    Returns
    -------
    dict
        The `Result`, as its `to_dict` writes it.
    """
    grader = get_worker().plugins[plugin]
    assert isinstance(grader, Grader)
    return grader.grade(submission).to_dict()


class _SandboxThread:
    """Keep a sandbox in a thread of its own, since it ends with the thread that entered it."""

    def __init__(self, limits: Limits, imports: Imports, cores: list[int]) -> None:
        self._limits = limits
        self._imports = imports
        self._cores = cores
        self._start()

    def spawn(self, limits: Limits) -> Child:
        try:
            return self._sandbox.spawn(limits)
        except CourseError:  # something has killed it
            self.stop()
            self._start()
            return self._sandbox.spawn(limits)

    def stop(self) -> None:
        self._thread.submit(self._sandbox.__exit__).result()
        self._thread.shutdown()

    def _start(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._sandbox = self._thread.submit(self._enter).result()

    def _enter(self) -> Sandbox:
        os.sched_setaffinity(0, self._cores)  # of this thread, and of what it starts
        return Sandbox(self._limits, self._imports).__enter__()
