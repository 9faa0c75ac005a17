"""Run the cells of a notebook in the sandbox where nbgrader would start a Jupyter kernel.

`nbgrader validate` and `generate_solution` execute notebooks through nbclient, which asks a kernel
manager for a kernel. This one answers with a process of the sandbox, the same as in grading: what
cells show is capped and cleaned, and no socket or folder leads in or out.
"""

import platform
from collections import deque
from contextlib import ExitStack
from queue import Empty
from typing import Any

from jupyter_client.manager import KernelManager
from nbformat import NotebookNode, v4

from mnist_course.grading.course.settings import Grading
from mnist_course.grading.inside.outputs import read_outputs
from mnist_course.grading.judging.student import Session
from mnist_course.grading.sandbox.supervisor import Sandbox

from .inside import messages

LANGUAGE = {
    "name": "python",
    "version": platform.python_version(),
    "mimetype": "text/x-python",
    "file_extension": ".py",
    "pygments_lexer": "ipython3",
}


class SandboxedKernelManager(KernelManager):
    """Stands for a kernel manager, with a process of the sandbox for its kernel.

    The limits are those of ``c.Grading``. There is no time limit but theirs, and nothing to
    interrupt: a cell that takes too long is stopped from inside, or its process is.
    """

    _session: Session | None = None

    @property
    def has_kernel(self) -> bool:
        """Whether there is a process."""
        return self._session is not None

    def start_kernel(self, **_: Any) -> None:
        """Start the sandbox and a process in it.

        Raises
        ------
        CourseError
            If there is no sandbox here.
        """
        with ExitStack() as stack:
            sandbox = stack.enter_context(Sandbox(Grading(config=self.config).limits()))
            self._session = stack.enter_context(Session([], spawn=sandbox.spawn))
            self._end = stack.pop_all()

    def client(self, **_: Any) -> "_Client":  # type: ignore[override]
        """Return what nbclient sends cells to."""
        assert self._session is not None
        return _Client(self._session)

    def is_alive(self) -> bool:
        """Tell whether cells are answered: to the end, if only with why they do not run."""
        return self.has_kernel

    def shutdown_kernel(self, **_: Any) -> None:
        """End the process and the sandbox."""
        self._session = None
        self._end.close()

    def cleanup_resources(self, **_: Any) -> None:
        """Do nothing: nothing is left."""


class _Channel:
    """The messages that wait for nbclient."""

    def __init__(self) -> None:
        self._messages: deque[dict[str, Any]] = deque()

    def put(self, request: str, kind: str, content: dict[str, Any]) -> None:
        header = {"msg_type": kind}
        parent = {"msg_id": request}
        self._messages.append(
            {**header, "header": header, "parent_header": parent, "content": content}
        )

    def get_msg(self, timeout: float | None = None) -> dict[str, Any]:  # noqa: ARG002
        if not self._messages:
            raise Empty
        return self._messages.popleft()


class _Client:
    """What nbclient uses of a kernel client. A cell has run when `execute` returns."""

    allow_stdin = False

    def __init__(self, session: Session) -> None:
        self.shell_channel = _Channel()
        self.iopub_channel = _Channel()
        self._session = session
        self._room = session.child.limits.output
        self._count = 0

    def start_channels(self) -> None:
        pass

    def stop_channels(self) -> None:
        pass

    def wait_for_ready(self, timeout: float | None = None) -> None:
        pass

    def is_alive(self) -> bool:
        return True

    def kernel_info(self) -> str:
        self.shell_channel.put("info", "kernel_info_reply", {"language_info": LANGUAGE})
        return "info"

    def execute(self, code: str, **_: Any) -> str:
        self._count += 1
        name = str(self._count)
        outputs, failure = self._run(name, code)
        errors = [output for output in outputs if output.output_type == "error"]
        if failure and (not errors or failure == messages.TOO_LONG):
            stopped = v4.new_output("error", ename="Stopped", evalue=failure, traceback=[failure])
            errors.append(stopped)
            outputs.append(stopped)
        count = {"execution_count": self._count}
        self.iopub_channel.put(name, "execute_input", {"code": code, **count})
        for output in outputs:
            self.iopub_channel.put(name, output.pop("output_type"), dict(output))
        self.iopub_channel.put(name, "status", {"execution_state": "idle"})
        reply = {"status": "error", **errors[-1]} if failure else {"status": "ok"}
        self.shell_channel.put(name, "execute_reply", {**reply, **count})
        return name

    def _run(self, name: str, code: str) -> tuple[list[NotebookNode], str]:
        """Return what a cell showed, and what went wrong."""
        seconds = self._session.child.limits.seconds_per_cell
        answer = self._session.ask(seconds, "run", code, self._room, cell=name)
        match answer:
            case messages.ANSWERED, (failure, shown):
                outputs = read_outputs(shown, self._room)
                self._room -= sum(len(str(output)) for output in outputs)
            case _, failure:
                outputs = []
        match failure:
            case None:
                return outputs, ""
            case str(sentence) | (bool(), str(sentence)):
                return outputs, sentence
        return outputs, "did not answer in the usual way."
