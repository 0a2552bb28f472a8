"""The pictures that a run makes of itself: grids from fixed latents, and the plot at its end."""

from __future__ import annotations

import json

from gansmith.training.history import plot_history
from gansmith.training.model import Model
from gansmith.training.pictures import save_grid
from gansmith.training.rundir import RunDirectory
from gansmith.training.session import Session

__all__ = ["Studio"]


class Studio:
    """Draws what the averaged generator makes of the same latents at every visit; nothing is picked out.

    Args:
        session: the run.
        directory: where the pictures go.
    """

    def __init__(self, session: Session, directory: RunDirectory) -> None:
        self.session, self.directory = session, directory

    def draw(self) -> None:
        """A grid of samples, one column for each class where there are up to ten."""
        images, columns = Model.of(self.session).showcase()
        save_grid(images, self.directory.samples / f"step-{self.session.step:08d}.png", columns=columns)

    def finish(self) -> None:
        """The plot of costs over the run."""
        lines = (self.directory.path / "metrics.jsonl").read_text().splitlines()
        plot_history([json.loads(line) for line in lines], self.directory.path / "history.png")
