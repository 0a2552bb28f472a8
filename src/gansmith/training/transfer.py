"""Weights to start from: fine-tuning takes the networks of another run, never its optimisers or its step."""

from __future__ import annotations

from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from gansmith.training.checkpoints import Checkpoints, refuse_pickle
from gansmith.training.pretrained import SHIPPED, by_network, read_pretrained, shipped
from gansmith.training.rundir import RunDirectory

__all__ = ["starting_weights"]

Weights = dict[str, Tensor]


def starting_weights(path: Path | str) -> tuple[dict[str, Weights], Weights]:
    """The players' weights, and the averaged generator's, of a run, a pretrained model or a ``.safetensors`` file.

    A run brings both players; a pretrained model and a file hold a generator only, and the discriminator starts anew.

    Raises:
        ValueError: nothing there can be read as weights.
    """
    source = Path(path).expanduser()
    refuse_pickle(source)
    if str(path) in shipped() and not source.exists():
        source = SHIPPED / str(path)
    if source.is_file():
        try:
            weights = safetensors.torch.load_file(source)
        except (SafetensorError, OSError) as error:
            raise ValueError(
                f"{source} is not a safetensors file ({error}); give a run, or a file that gansmith wrote"
            ) from error
        return {"generator": weights}, weights
    if (source / "config.json").is_file():
        weights, _ = by_network(read_pretrained(source)[0])
        return {"generator": weights}, weights
    directory = RunDirectory.open(source)
    checkpoints = Checkpoints(directory.path / "checkpoints")
    newest = checkpoints.latest()
    if newest is None:
        raise ValueError(f"{source} holds no valid checkpoint to start from")
    tree, _ = checkpoints.load(newest)
    return tree["players"], tree["average"]
