"""IPython as in a notebook, without a kernel: cells run, and what they show is kept."""

import contextlib
import io
import sys
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.text import LSString, SList

from .outputs import OVERHEAD

# Magics that install packages, for which there is no network.
INSTALLERS = ("pip", "conda", "mamba", "micromamba", "uv")
LEFT_OUT = "\n[The rest of the output was left out.]\n"


class Outputs:
    """What a cell shows, in nbformat's terms, up to a size.

    Parameters
    ----------
    room : int
        How many characters to keep.

    Attributes
    ----------
    list : list of dict
        The outputs.
    """

    def __init__(self, room: int) -> None:
        self.list: list[dict[str, Any]] = []
        self._room = room

    def write(self, name: str, text: str) -> None:
        """Add to what a cell prints on a stream, "stdout" or "stderr"."""
        if self._room <= 0:
            return
        if len(text) > self._room:
            text = text[: self._room] + LEFT_OUT
        self._room -= len(text)
        last = self.list[-1] if self.list else {}
        if last.get("name") == name:
            last["text"] += text
        else:
            self._room -= OVERHEAD
            self.list.append({"output_type": "stream", "name": name, "text": text})

    def add(self, output: dict[str, Any]) -> None:
        """Add anything else, if there is room for all of it."""
        size = len(repr(output)) + OVERHEAD
        if size > self._room:
            self.write("stdout", LEFT_OUT)
            self._room = 0
        else:
            self._room -= size
            self.list.append(output)


class Shell(InteractiveShell):
    """A shell that keeps what cells show in `outputs`, and what names meant in `moments`."""

    outputs = Outputs(0)

    def __init__(self, **options: Any) -> None:
        self.moments: dict[str, dict[str, Any]] = {}
        super().__init__(**options)  # type: ignore[no-untyped-call]

    def run(self, code: str, room: int) -> BaseException | None:
        """Run a cell, keep at most so many characters of output, and return what stopped it."""
        self.outputs = Outputs(room)
        with (
            contextlib.redirect_stdout(_Stream("stdout", self.outputs)),
            contextlib.redirect_stderr(_Stream("stderr", self.outputs)),
        ):
            result: Any = self.run_cell(code)  # type: ignore[no-untyped-call]
        error: BaseException | None = result.error_before_exec or result.error_in_exec
        return error

    def enable_gui(self, gui: Any = None) -> None:
        """Do nothing: there is no event loop."""

    # A notebook is graded by what it defines. Commands of the system, packages to install, and
    # extensions that aren't here must not keep the next line from defining it.

    def system(self, cmd: str) -> None:
        """Run no command of the system, such as `!ls` or `%ls`."""
        _skip(f"!{cmd}")

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> Any:  # noqa: ARG002
        """Run no command of the system; it showed nothing."""
        _skip(f"!{cmd}")
        return SList() if split else LSString()

    def run_line_magic(self, magic_name: str, line: str, _stack_depth: int = 1) -> Any:
        """Run a magic of one line, unless it is of no use here or fails."""
        if magic_name == "matplotlib":
            return None  # figures are shown below the cell, whatever it asks for
        if magic_name in INSTALLERS:
            return _skip(f"%{magic_name} {line}")
        try:
            run: Any = super().run_line_magic
            return run(magic_name, line, _stack_depth + 1)
        except Exception:
            return _skip(f"%{magic_name} {line}")

    def run_cell_magic(self, magic_name: str, line: str, cell: str) -> Any:
        """Run a magic of a cell, unless there is none of that name."""
        try:
            return super().run_cell_magic(magic_name, line, cell)  # type: ignore[no-untyped-call]
        except UsageError:
            return _skip(f"%%{magic_name} {line}")

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        lines = stb if isinstance(stb, list) else [str(stb)]
        self.outputs.add(
            {
                "output_type": "error",
                "ename": getattr(etype, "__name__", "Error"),
                "evalue": str(evalue),
                "traceback": [str(line) for line in lines],
            }
        )


def _skip(what: str) -> None:
    sys.stdout.write(f"Not run when your notebook is graded: {what}\n")


# By which libraries and learners tell a notebook from a terminal.
Shell.__name__ = Shell.__qualname__ = "ZMQInteractiveShell"


class _Hook(DisplayHook):
    shell: Shell

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        self.shell.outputs.add(
            {
                "output_type": "execute_result",
                "data": format_dict,
                "metadata": md_dict or {},
                "execution_count": self.shell.execution_count,
            }
        )

    def finish_displayhook(self) -> None:
        pass


class _Publisher(DisplayPublisher):
    shell: Shell

    def publish(self, data: Any, metadata: Any = None, *_: Any, **__: Any) -> None:
        self.shell.outputs.add(
            {"output_type": "display_data", "data": data, "metadata": metadata or {}}
        )

    def clear_output(self, wait: bool = False) -> None:  # noqa: ARG002
        self.shell.outputs.list.clear()


class _Stream(io.TextIOBase):
    def __init__(self, name: str, outputs: Outputs) -> None:
        self._name = name
        self._outputs = outputs

    def write(self, text: str) -> int:
        self._outputs.write(self._name, text)
        return len(text)


def make_shell() -> Shell:
    """Make the one shell of this process, with figures shown as in a notebook."""
    shell: Shell = Shell.instance(
        colors="nocolor",
        displayhook_class=_Hook,
        display_pub_class=_Publisher,
    )
    shell.enable_matplotlib("inline")  # type: ignore[no-untyped-call]
    return shell
