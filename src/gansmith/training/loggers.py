"""Where a run's figures can go besides its own files: a logger is a function of one record."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["TensorBoard"]


class TensorBoard:
    """A logger that writes a run's figures as TensorBoard's event files.

    Args:
        folder: where to; made with the first record. A run that is resumed may write to the same one again: what it had
            written beyond the step from which it goes on is then no longer shown.

    Raises:
        ValueError: when called, if the package is missing.

    Example:
        >>> logger = TensorBoard("runs/events")  # for gansmith.train(recipe, loggers=[logger])
        >>> logger.folder.name
        'events'
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self._writer: Any = None

    def __call__(self, record: Mapping[str, Any]) -> None:
        """Write the numbers of a record under its step."""
        step = int(record["step"])
        if self._writer is None:
            self._writer = self._opened(step)
        for name, value in record.items():
            if name != "step" and isinstance(value, int | float):
                self._writer.add_scalar(name, value, step)
        self._writer.flush()  # a run may be killed at any time

    def _opened(self, step: int) -> Any:
        try:
            module = importlib.import_module("torch.utils.tensorboard")
        except ImportError as error:
            raise ValueError(
                "TensorBoard needs a package that is not installed: pip install 'gansmith[tensorboard]'"
            ) from error
        return module.SummaryWriter(str(self.folder), purge_step=step)
