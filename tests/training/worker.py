"""What one process does in `test_processes.py`: ``python worker.py TASK OUT [TIMEOUT]`` in torchrun's environment."""

import os
import sys
import time
import weakref
from itertools import product
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn

from gansmith.dynamics import SGD, Alternating, field
from gansmith.games import (
    DRAGAN,
    FGAN,
    KL,
    R1,
    R2,
    WGANGP,
    AdversarialGame,
    Alpha,
    BiGAN,
    CategoricalCode,
    Consistency,
    CycleGAN,
    Fade,
    Flipped,
    Hinge,
    InfoGAN,
    InstanceNoise,
    LeastSquares,
    LeCam,
    MaximumLikelihood,
    Minimax,
    NonSaturating,
    RelativisticAverage,
    RelativisticPaired,
    Shift,
    SquaredHellinger,
    TotalVariation,
    UniformCode,
    Wasserstein,
)
from gansmith.training.engine import DeviceEngine
from gansmith.training.processes import Processes, joined
from gansmith.types import Round

BATCH = 8
LOSSES = [
    Minimax(),
    NonSaturating(),
    LeastSquares(),
    Hinge(),
    Wasserstein(),
    RelativisticPaired(),
    RelativisticAverage(),
]
PENALTIES = {
    "none": (),
    "r1": (R1(gamma=0.5),),
    "r2": (R2(gamma=0.3),),
    "r1+r2": (R1(gamma=0.5), R2(gamma=0.3)),
    "wgan-gp": (WGANGP(weight=2.0),),
}
GAMES = (
    {
        (type(loss).__name__, name, joint): AdversarialGame(loss, penalties, joint=joint)
        for loss, (name, penalties), joint in product(LOSSES, PENALTIES.items(), (False, True))
    }
    | {
        # What draws noise by rows, remembers means over the batch, or reads the scores in a way of its own.
        (name, "more", joint): AdversarialGame(loss, penalties, joint=joint)
        for name, loss, penalties in (
            ("maximum likelihood", MaximumLikelihood(fake_target=0.1), ()),
            ("kl", FGAN(divergence=KL()), ()),
            ("hellinger", FGAN(divergence=SquaredHellinger(), non_saturating=True), (R1(gamma=0.5),)),
            ("total variation", FGAN(divergence=TotalVariation()), ()),
            ("alpha", FGAN(divergence=Alpha(alpha=1.5)), ()),
            ("dragan", NonSaturating(), (DRAGAN(weight=2.0),)),
            ("lecam", NonSaturating(), (LeCam(weight=2.0, decay=0.5),)),
            ("lecam, relativistic", RelativisticAverage(), (LeCam(weight=2.0, decay=0.5), R2(gamma=0.3))),
            ("consistency", NonSaturating(), (Consistency(real=2.0, fake=3.0, transformation=Shift(share=0.4)),)),
        )
        for joint in (False, True)
    }
    | {
        # Around a game, noise by rows again.
        ("flipped", "more", False): Flipped(AdversarialGame(), share=0.4),
        ("flipped", "more", True): Flipped(AdversarialGame(RelativisticAverage()), share=0.4),
        ("instance noise", "more", False): InstanceNoise(
            AdversarialGame(penalties=(R1(gamma=0.5), LeCam())), std=Fade(first=0.5)
        ),
        ("instance noise", "more", True): InstanceNoise(
            Flipped(AdversarialGame(RelativisticPaired(), joint=True), share=0.4), std=Fade(first=0.5)
        ),
    }
)


def networks(kind: str, rank: int) -> dict[str, nn.Module]:
    """Players with other weights in every process, until the engine gives all of them the first one's."""
    torch.manual_seed(rank)
    if kind == "plain":
        generator = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 36), nn.Unflatten(1, (1, 6, 6)))
        discriminator = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.Softplus(), nn.Linear(8, 1))
    else:
        generator = nn.Sequential(
            nn.Linear(3, 8), nn.BatchNorm1d(8, affine=False), nn.Tanh(), nn.Linear(8, 36), nn.Unflatten(1, (4, 3, 3)),
            nn.BatchNorm2d(4, momentum=None), nn.Softplus(), nn.ConvTranspose2d(4, 1, 2, 2),
        )  # fmt: skip
        discriminator = nn.Sequential(
            nn.Conv2d(1, 4, 2, 2), nn.BatchNorm2d(4), nn.Softplus(), nn.Flatten(),
            nn.Linear(36, 8), nn.BatchNorm1d(8, track_running_stats=False), nn.Tanh(), nn.Linear(8, 1),
        )  # fmt: skip
    return {"generator": generator, "discriminator": discriminator}


def batch(processes: Processes, dtype: torch.dtype, substep: int = 0) -> Round:
    """This process's rows of the batch; the latents are drawn by the round."""
    share = processes.share(BATCH)
    real = torch.randn(BATCH, 1, 6, 6, generator=torch.Generator().manual_seed(50 + substep))
    round = Round({"real": real[share].to(dtype)}, (0, "round", substep), share.start, BATCH, processes.mean)
    return round.given(latent=round.normal("latent", 3).to(dtype))


def gradients(processes: Processes) -> dict[str, object]:
    """Gradients, costs and buffers of every loss with every penalty, for networks with and without batch norm."""
    engine, found = DeviceEngine(processes=processes), {}
    for kind, dtype in product(("plain", "batch norm"), (torch.float32, torch.float64)):
        players = {name: module.to(dtype) for name, module in networks(kind, processes.rank).items()}
        engine.prepare(AdversarialGame(), players)
        round = batch(processes, dtype)
        for key, game in GAMES.items():
            if key[1] == "more" and dtype is torch.float32:
                continue
            memory = game.init(players)
            if memory:  # of one move
                memory = game.remember(memory, game.play(players, round.recall(memory), game.players).detached())
            mine, costs, _ = field(game, players, round.recall(memory), engine, game.players)
            found[kind, str(dtype), *key] = [*(g for player in game.players for g in mine[player]), *costs.values()]
        found[kind, str(dtype), "buffers"] = [b.clone() for module in players.values() for b in module.buffers()]
    return found


def steps(processes: Processes) -> dict[str, object]:
    """Weights and buffers after three alternating steps, with batch norm everywhere."""
    engine, game = DeviceEngine(processes=processes), AdversarialGame(RelativisticAverage(), PENALTIES["r1+r2"])
    players = {name: module.double() for name, module in networks("batch norm", processes.rank).items()}
    engine.prepare(game, players)
    dynamics = Alternating(optimizer=SGD(lr=0.05), discriminator_steps=2)
    state = dynamics.init(game, players)
    for step in range(3):
        state, _ = dynamics.step(
            game, players, state, lambda s, step=step: batch(processes, torch.float64, 10 * step + s), engine
        )
    return {name: module.state_dict() for name, module in players.items()}


def many_players(processes: Processes) -> dict[str, object]:
    """Games of three and four players after four alternating steps: weights, costs, and full pools."""
    contest = AdversarialGame(RelativisticAverage(), (R1(gamma=0.5), WGANGP(weight=2.0)))
    sizes = {
        "info": {"discriminator": (2, 1), "recogniser": (2, 5), "generator": (6, 2)},
        "bidirectional": {"discriminator": (4, 1), "encoder": (2, 2), "generator": (2, 2)},
        "cycle": {
            f"{role}_{side}": (2, out) for role, out in (("discriminator", 1), ("generator", 2)) for side in "xy"
        },
    }
    games = {
        "info": InfoGAN((CategoricalCode(3), UniformCode(1)), contest),
        "bidirectional": BiGAN(contest),
        "cycle": CycleGAN(AdversarialGame(LeastSquares(), (WGANGP(weight=2.0),)), identity=1.0, pool=12),
    }
    found: dict[str, object] = {}
    for name, game in games.items():
        torch.manual_seed(processes.rank)
        players = {player: Beside(*size).double() for player, size in sizes[name].items()}
        engine, dynamics = DeviceEngine(processes=processes), Alternating(optimizer=SGD(lr=0.05))
        engine.prepare(game, players)
        state = dynamics.init(game, players)
        for step in range(4):
            state, result = dynamics.step(game, players, state, lambda s, step=step: points(processes, step), engine)
        weights = [p.detach() for module in players.values() for p in module.parameters()]
        pools = [state["memory"][side]["pool"] for side in "xy"] if name == "cycle" else []
        found[name] = [*weights, *result.costs.values(), *pools]
    return found


class Beside(nn.Module):
    """One hidden layer over all that it is given, side by side."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, 6), nn.Tanh(), nn.Linear(6, outputs))

    def forward(self, *x: torch.Tensor) -> torch.Tensor:
        return self.layers(torch.cat(x, 1))


def points(processes: Processes, step: int) -> Round:
    """This process's rows of a batch of points, under every name that a game could ask for."""
    share, generator = processes.share(BATCH), torch.Generator().manual_seed(80 + step)
    x, y, z = (torch.randn(BATCH, 2, generator=generator, dtype=torch.float64)[share] for _ in range(3))
    streams = {"real": x, "latent": z, "x": x, "y": y + 1}
    return Round(streams, (0, "points", step), share.start, BATCH, processes.mean)


def words(processes: Processes) -> dict[str, object]:
    """The small messages between processes."""
    values = [torch.full((2,), float(processes.rank)), torch.arange(3) + 10 * processes.rank]
    processes.broadcast_(values)
    return {
        "any": [processes.any(processes.rank == 1), processes.any(False)],
        "tell": processes.tell({"rank": processes.rank}),
        "broadcast": values,
    }


def main(task: str, out: Path, timeout: float = 60.0) -> None:
    """Do the task and write what came of it."""
    with joined(timeout) as processes:
        group = weakref.ref(dist.group.WORLD) if processes.world > 1 else lambda: None
        if task == "work":
            result = {
                "gradients": gradients(processes),
                "steps": steps(processes),
                "many players": many_players(processes),
                "words": words(processes),
                "latent": batch(processes, torch.float32)["latent"],
            }
            torch.save(result, out / f"{processes.world}-{processes.rank}.pt")
        else:
            wait_for_the_lost(processes, task)
    # The group's threads end with it; threads that are left when Python ends may end it by an abort.
    assert group() is None, "somebody still holds the group of processes"


def wait_for_the_lost(processes: Processes, task: str) -> None:
    """Go on with messages of which one is never answered, because a process dies or hangs."""
    for step in range(100_000):
        processes.average_([torch.zeros(4)])
        if processes.rank == 1 and step == 3:
            print("rank 1 is lost", flush=True)
            if task == "die":
                os._exit(7)
            time.sleep(300)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) > 3 else 60.0)
