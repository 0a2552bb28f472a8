"""What a run makes of itself now and then: a grid from fixed latents and a rough score, and the plot at its end."""

from __future__ import annotations

import json

from gansmith.training.history import plot_history
from gansmith.training.model import Model
from gansmith.training.pictures import save_grid
from gansmith.training.quality import Quality
from gansmith.training.rundir import RunDirectory
from gansmith.training.session import Session

__all__ = ["Studio"]


class Studio:
    """Shows what the averaged generator makes of the same latents at every visit; nothing is picked out.

    Args:
        session: the run.
        directory: where the pictures go.
    """

    def __init__(self, session: Session, directory: RunDirectory) -> None:
        self.session, self.directory = session, directory
        self.quality: Quality | None = None

    def visit(self) -> dict[str, float]:
        """Draw a grid of samples, one column for each class where there are up to ten; return their score."""
        model = Model.of(self.session)
        images, columns = model.showcase()
        save_grid(images, self.directory.samples / f"step-{self.session.step:08d}.png", columns=columns)
        self.quality = self.quality or Quality(self.session.feed.images)
        return {"step": self.session.step, Quality.name: self.quality(model, seed=self.session.recipe.seed)}

    def finish(self) -> None:
        """The plot of costs and quality over the run, and the last grid under a name that is easy to find."""
        metrics = self.directory.path / "metrics.jsonl"
        if metrics.exists():  # a run of no steps has none
            lines = metrics.read_text(encoding="utf-8").splitlines()
            plot_history([json.loads(line) for line in lines], self.directory.path / "history.png")
        images, columns = Model.of(self.session).showcase()
        save_grid(images, self.directory.path / "samples.png", columns=columns)
