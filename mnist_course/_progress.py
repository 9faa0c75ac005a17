"""Show how far a training is."""

import time
from datetime import timedelta
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress, TextColumn
from rich.table import Column

from ._backend import keras
from ._notebook import in_notebook


class EpochProgress(keras.callbacks.Callback):  # type: ignore[misc]
    """One line, rewritten after each epoch on a terminal; about ten lines elsewhere.

    They go to stderr, and in a notebook to stdout as Keras's own do: there, stderr means trouble.
    """

    def __init__(self, initial_epoch: int, epochs: int, *, quiet: bool) -> None:
        super().__init__()
        notebook = in_notebook()
        # A widget would leave nothing readable in a saved notebook; lines do.
        self.console = Console(stderr=not notebook, force_jupyter=False, quiet=quiet)
        self.live = self.console.is_terminal and not notebook and not quiet
        self.bar = Progress(
            TextColumn("{task.description}", table_column=Column()),
            console=self.console,
            auto_refresh=False,
            disable=not self.live,
        )
        self.task = self.bar.add_task(f"Epoch {initial_epoch + 1}/{epochs}", total=epochs)
        self.initial_epoch = initial_epoch
        self.epochs = epochs
        self.pending = ""

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        self.started = time.monotonic()
        self.bar.update(self.task, completed=self.initial_epoch, refresh=True)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        done = epoch + 1 - self.initial_epoch
        seconds = (time.monotonic() - self.started) / done * (self.epochs - epoch - 1)
        metrics = [f"{name} {value:.4f}" for name, value in logs.items() if np.ndim(value) == 0]
        left = f"{timedelta(seconds=round(seconds))} left"
        line = "  ".join([f"Epoch {epoch + 1}/{self.epochs}", *metrics, left])
        self.pending = line
        if self.live:
            self.bar.update(self.task, completed=epoch + 1, description=line, refresh=True)
        elif done % -(-(self.epochs - self.initial_epoch) // 10) == 0:
            self._print_pending()

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002
        if not self.live:
            self._print_pending()

    def _print_pending(self) -> None:
        if self.pending:
            self.console.print(self.pending, highlight=False, soft_wrap=True)
        self.pending = ""
