"""Spread submissions over the workers of a Dask cluster: on this machine, or on any other."""

import logging
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dask
from dask.system import CPU_COUNT
from distributed import Client, KilledWorker, LocalCluster, Security, as_completed

from mnist_course.errors import CourseError
from mnist_course.grading.judging.results import Result

from .worker import Grader, Job, grade

SECONDS_TO_CONNECT = 60
SUBMISSIONS_PER_WORKER = 3  # on their way, so that a worker need not wait for its next one

_SETTINGS = {
    # A worker does not hold much itself; what the submissions use has limits of its own.
    **{f"distributed.worker.memory.{name}": False for name in ("target", "spill", "pause")},
    # Without a sandbox, each submission is a process that a worker starts.
    "distributed.worker.daemon": False,
    # The scheduler lives in this process, and would remember more and more of what it did.
    "distributed.admin.log-length": 100,
    "distributed.admin.low-level-log-length": 100,
    "distributed.admin.system-monitor.log-length": 100,
    "distributed.logging.distributed": "error",
    "distributed.admin.large-graph-warning-threshold": "1GB",
}


@contextmanager
def connect(workers: int | None = None, scheduler: str | None = None) -> Iterator[Client]:
    """Connect to a cluster.

    Parameters
    ----------
    workers : int, optional
        How many processes to start on this machine; by default, one for each core.
    scheduler : str, optional
        The address of a Dask scheduler that is running, such as ``tcp://10.0.0.1:8786``, to use
        its workers instead.

    Yields
    ------
    distributed.Client
        The connection.

    Raises
    ------
    CourseError
        If there is no scheduler there, or it has no workers.
    """
    for name in ("asyncio", "tornado.application"):  # tracebacks of what an interrupt cuts off
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with dask.config.set(_SETTINGS), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Dask, for those who wrote this code
        if scheduler is None:
            with (
                # Whoever reaches a worker can run anything there, also from this machine.
                LocalCluster(
                    n_workers=workers or CPU_COUNT,
                    threads_per_worker=1,
                    memory_limit=0,
                    dashboard_address=None,
                    silence_logs=logging.CRITICAL,
                    security=Security.temporary(),
                    protocol="tls",
                ) as cluster,
                Client(cluster) as client,
            ):
                yield client
            return
        try:
            client = Client(scheduler, timeout=SECONDS_TO_CONNECT)
        except (OSError, ValueError, TypeError) as error:
            raise CourseError(
                f"no scheduler answers at {scheduler} ({str(error).splitlines()[0]}): start one "
                "with 'dask scheduler', and name the address that it prints."
            ) from None
        with client:
            try:
                client.wait_for_workers(1, timeout=SECONDS_TO_CONNECT)
            except TimeoutError:
                raise CourseError(
                    f"the scheduler at {scheduler} has no workers: start some with "
                    f"'dask worker --nthreads 1 {scheduler}'."
                ) from None
            yield client


def grade_all(
    client: Client, job: Job, submissions: Iterator[tuple[str, bytes]]
) -> Iterator[tuple[str, Result | CourseError]]:
    """Grade submissions on all workers of a cluster.

    Parameters
    ----------
    client : distributed.Client
        The connection to the cluster.
    job : Job
        What to grade.
    submissions : iterator of tuple of (str, bytes)
        Students, and what came back from them. Only a few are asked for ahead of time.

    Yields
    ------
    student : str
        A student, in the order in which they are done.
    result : Result or CourseError
        What became of the submission, or why it could not be graded here.

    Raises
    ------
    CourseError
        If a worker cannot grade at all, or the cluster is lost.

    Notes
    -----
    The submissions of a worker that is lost are graded by others, and workers may join at any time.
    """
    cluster = client.cluster
    workers = len(cluster.workers) if isinstance(cluster, LocalCluster) else None
    plugin = Grader(job, f"mnist-course-{uuid.uuid4()}", workers)
    students: dict[Any, str] = {}  # by the key of the task
    client.register_plugin(plugin, name=plugin.name)
    running = as_completed(with_results=True, raise_errors=False)

    def send() -> None:
        most = SUBMISSIONS_PER_WORKER * max(1, len(client.nthreads()))
        while len(students) < most and (following := next(submissions, None)):
            student, submission = following
            task = client.submit(grade, submission, plugin.name, key=f"grade-{uuid.uuid4()}")
            students[task.key] = student
            running.add(task)

    try:
        send()
        while students:
            task, result = next(running)
            student = students.pop(task.key)
            send()
            if task.status == "finished":
                yield student, Result.from_dict(result)
            else:
                yield student, _failure(task.exception())
    except (OSError, RuntimeError) as error:
        raise CourseError(
            f"the connection to the cluster was lost ({error}): run the command again, and it "
            "continues where it stopped."
        ) from None
    finally:
        if client.status == "running":
            client.unregister_worker_plugin(plugin.name)


def _failure(error: BaseException) -> CourseError:
    if isinstance(error, CourseError):
        return error
    if isinstance(error, KilledWorker):
        return CourseError("each worker that took it was lost: run the command again.")
    return CourseError(f"the worker failed with {type(error).__name__}: {error}")
