"""What one process does in `test_adjusted.py`: ``python worker.py OUT`` in torchrun's environment."""

import json
import sys
from pathlib import Path

import torch
from torch import nn

from gansmith.dynamics import (
    SGD,
    Competitive,
    Consensus,
    Extragradient,
    Linearisation,
    Lookahead,
    Optimistic,
    Simultaneous,
    SymplecticAdjustment,
    Unrolled,
    border,
    play,
)
from gansmith.games import R1, R2, Adversarial, AdversarialGame, RelativisticAverage
from gansmith.training.engine import DeviceEngine
from gansmith.training.processes import Processes, joined
from gansmith.types import Round

BATCH = 8
GAME = AdversarialGame(RelativisticAverage(), penalties=(R1(gamma=0.5), R2(gamma=0.3)))
DYNAMICS = {
    "consensus": Consensus(optimizer=SGD(lr=0.1), gamma=0.5),
    "symplectic": SymplecticAdjustment(optimizer=SGD(lr=0.1), align=True),
    "competitive": Competitive(optimizer=SGD(lr=0.1), dense=0, tolerance=1e-12),
    "unrolled": Unrolled(optimizer=SGD(lr=0.1, momentum=0.5), steps=3),
    "both unrolled": Unrolled(optimizer=SGD(lr=0.1), steps=2, through=GAME.players, looking=GAME.players),
    "first order": Unrolled(optimizer=SGD(lr=0.1, momentum=0.5), steps=3, first_order=True),
    "extragradient": Extragradient(optimizer=SGD(lr=0.1)),
    "lookahead": Lookahead(dynamics=Optimistic(optimizer=SGD(lr=0.1)), every=2),
    "one pass": Simultaneous(optimizer=SGD(lr=0.1)),
    "one pass or two": Simultaneous(optimizer=SGD(lr=0.1)),
}
# One backward pass serves both players where no penalty reads generated samples; in the second of these games it does
# so only while D wants something of every sample.
ONE_PASS = {
    "one pass": AdversarialGame(RelativisticAverage(), penalties=(R1(gamma=0.5),)),
    "one pass or two": AdversarialGame(Adversarial(lambda r, f: (1 - r).relu() + f.relu(), lambda r, f: -f)),
}


def networks(kind: str, rank: int) -> dict[str, nn.Module]:
    """Players with other weights in every process, until the engine gives all of them the first one's."""
    torch.manual_seed(rank)
    norm = nn.BatchNorm1d(4) if kind == "batch norm" else nn.Identity()
    generator = nn.Sequential(nn.Linear(3, 4), norm, nn.Tanh(), nn.Linear(4, 2))
    discriminator = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
    return {"generator": generator.double(), "discriminator": discriminator.double()}


def batch(processes: Processes, step: int) -> Round:
    """This process's rows of the batch."""
    share, generator = processes.share(BATCH), torch.Generator().manual_seed(step)
    streams = {name: torch.randn(BATCH, n, generator=generator).double() for name, n in (("real", 2), ("latent", 3))}
    rows = {name: stream[share] for name, stream in streams.items()}
    return Round(rows, (0, step), share.start, BATCH, processes.mean)


def found(kind: str, processes: Processes) -> dict[str, list[float]]:
    """The field and its products, and the weights after three steps of every dynamics."""
    engine, players = DeviceEngine(processes=processes), networks(kind, processes.rank)
    engine.prepare(GAME, players)
    at = Linearisation(GAME, players, batch(processes, 0), engine)
    v = at.shaped(torch.linspace(-1, 1, at.size, dtype=torch.float64))
    vectors = {
        "field": at.field,
        "jvp": at.jvp(v),
        "across": at.jvp(at.vjp(v, across=True), across=True),
        "vjp": at.vjp(at.field, keep=False),
    }
    result = {name: at.flat(vector).tolist() for name, vector in vectors.items()}
    for name, dynamics in DYNAMICS.items():
        players, game = networks(kind, processes.rank), ONE_PASS.get(name, GAME)
        engine.prepare(game, players)
        state = play(
            game, dynamics, players, lambda step: lambda substep: batch(processes, step), steps=3, engine=engine
        )
        known = [border._KNOWN.get(optimizer) for optimizer in state.get("optimizers", {}).values()]
        if any(one and one[1] for one in known) != (name in ONE_PASS):
            raise RuntimeError(f"{name} took another way than it was meant to test")
        values = [value.double().flatten() for module in players.values() for value in module.state_dict().values()]
        result[name] = torch.cat(values).tolist()
    return {f"{kind} {name}": values for name, values in result.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    border.WORTHWHILE = 0
    with joined(60.0) as processes:
        all_of_it = found("plain", processes) | found("batch norm", processes)
        path = Path(sys.argv[1]) / f"{processes.world}-{processes.rank}.json"
        path.write_text(json.dumps(all_of_it))
