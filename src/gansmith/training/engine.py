"""The engine that knows devices, precision and processes: where a training run's parameter gradients come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from gansmith.dynamics.engine import gradients, hypothetical
from gansmith.networks import drawing
from gansmith.training.batch_norm import batch_norms, mixers, synchronise
from gansmith.training.processes import Processes
from gansmith.types import Costs, Game, Players, Round, key_seed

__all__ = ["DeviceEngine", "Precision", "has_fast_bfloat16", "pick_device", "pick_precision"]

Precision = Literal["auto", "float32", "bfloat16"]


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name; ``auto`` is CUDA where there is one, else the CPU.

    Raises:
        ValueError: the device does not exist here.

    Example:
        >>> pick_device("cpu")
        device(type='cpu')
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        # Of an unknown word, PyTorch says only which words it knows itself, most of which nobody has.
        why = "" if name.split(":")[0] not in ("cpu", "cuda", "mps", "xpu") else f" ({str(error).splitlines()[0]})"
        there = "cpu, cuda, cuda:N or auto" if torch.cuda.is_available() else "cpu or auto"
        raise ValueError(f"there is no device {name!r} here{why}; use --device {there}") from error
    return device


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether the processor multiplies in bfloat16 by itself, as it says, rather than by emulation."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    probes = [getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")]
    return device.type == "cpu" and any(probe() for probe in probes if probe is not None)


def pick_precision(precision: Precision, device: torch.device) -> Literal["float32", "bfloat16"]:
    """The precision in which the networks run; ``auto`` is bfloat16 where the processor is fast at it.

    Example:
        >>> pick_precision("float32", torch.device("cpu"))
        'float32'
    """
    if precision == "auto":
        return "bfloat16" if has_fast_bfloat16(device) else "float32"
    return precision


@dataclass(frozen=True)
class DeviceEngine:
    """Gradients on one device, in one precision, for one process of several.

    Args:
        device: where the networks and the rounds are.
        precision: bfloat16 runs the networks under autocast; parameters, optimisers and losses stay in float32.
        processes: who shares the batch; batch means and gradients are reduced over them.
        pieces: work the batch off in this many pieces, one after the other, to need less memory.
        compile: compile the networks with ``torch.compile``; bars slope penalties, which differentiate them twice.

    Raises:
        ValueError: `pieces` is below 1.

    Example:
        >>> w = torch.tensor(3.0, requires_grad=True)
        >>> round = Round({"x": torch.tensor([1.0, 3.0])})
        >>> found, costs = DeviceEngine(pieces=2).gradient(lambda r: {"one": r.mean(w * r["x"])}, {"one": [w]}, round)
        >>> found["one"][0].item(), costs["one"].item()
        (2.0, 6.0)
    """

    device: torch.device = torch.device("cpu")
    precision: Literal["float32", "bfloat16"] = "float32"
    processes: Processes = Processes()
    pieces: int = 1
    compile: bool = False

    def __post_init__(self) -> None:
        if self.pieces < 1:
            raise ValueError(f"pieces is {self.pieces}; it must be at least 1, which works the batch off whole")

    def prepare(self, game: Game, players: Players) -> None:
        """Move the players to the device, in the memory format that convolutions like there.

        Batch norms are synchronised over the processes, and every process gets the first one's weights.

        Raises:
            ValueError: the batch is to be split, but a player or the game needs it whole.
        """
        self._check(game, players)
        for module in players.values():
            module.to(self.device)
            if any(p.dim() == 4 for p in module.parameters()):
                module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            if self.processes.world > 1:
                synchronise(module, self.processes)
                self.processes.broadcast_([t.data for t in (*module.parameters(), *module.buffers())])
            if self.compile:
                module.compile()

    def _check(self, game: Game, players: Players) -> None:
        mixing = [f"{name} of the {player}" for player, module in players.items() for name in mixers(module)]
        if self.processes.world > 1 and mixing:
            raise ValueError(
                f"{mixing[0]} needs the whole batch, which {self.processes.world} processes share; use one process"
            )
        norms = [f"batch norm {name} of the {player}" for player, m in players.items() for name in batch_norms(m)]
        means = [] if game.samplewise else [type(game).__name__]
        if self.pieces > 1 and (whole := [*norms, *mixing, *means]):
            raise ValueError(f"{whole[0]} needs the whole batch, so pieces={self.pieces} would change it; use pieces=1")
        twice = [type(p).__name__ for p in getattr(game, "penalties", ()) if getattr(p, "slope", True)]
        if self.compile and twice:
            raise ValueError(
                f"a compiled network cannot be differentiated twice, as {twice[0]} does; leave compile off"
            )

    def gradient(
        self,
        cost: Callable[[Round], Costs],
        parameters: Mapping[str, Sequence[Tensor]],
        round: Round,
        *,
        differentiable: bool = False,
    ) -> tuple[Mapping[str, Sequence[Tensor]], Costs]:
        # What draws from torch's own random state, such as dropout, becomes a function of the round and the process.
        torch.manual_seed(key_seed(*round.key, tuple(parameters), self.processes.rank))
        if differentiable:
            return self._differentiable(cost, parameters, round)
        found, costs = (
            self._piece(cost, parameters, round) if self.pieces == 1 else self._pieces(cost, parameters, round)
        )
        self.processes.average_([g for mine in found.values() for g in mine])
        return found, costs

    hypothetical = staticmethod(hypothetical)

    def _differentiable(
        self, cost: Callable[[Round], Costs], parameters: Mapping[str, Sequence[Tensor]], round: Round
    ) -> tuple[Mapping[str, Sequence[Tensor]], Costs]:
        if self.pieces > 1:
            raise ValueError(f"a move that looks ahead needs the whole batch, so pieces={self.pieces}; use pieces=1")
        if self.compile:
            raise ValueError(
                "a look ahead differentiates the networks twice, which compiled ones bar; leave compile off"
            )
        costs = self._costs(cost, parameters, round)
        with torch.autocast(self.device.type, enabled=False):
            found = gradients(costs, parameters, differentiable=True)
            found = {player: self.processes.averaged(mine) for player, mine in found.items()}
        return found, {player: value.detach() for player, value in costs.items()}

    def _costs(self, cost: Callable[[Round], Costs], parameters: Mapping[str, Sequence[Tensor]], round: Round) -> Costs:
        autocast = torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16")
        with drawing(round, tuple(parameters)), autocast:
            return cost(round)

    def _piece(
        self, cost: Callable[[Round], Costs], parameters: Mapping[str, Sequence[Tensor]], round: Round
    ) -> tuple[dict[str, tuple[Tensor, ...]], dict[str, Tensor]]:
        costs = self._costs(cost, parameters, round)
        return gradients(costs, parameters), {player: value.detach() for player, value in costs.items()}

    def _pieces(
        self, cost: Callable[[Round], Costs], parameters: Mapping[str, Sequence[Tensor]], round: Round
    ) -> tuple[dict[str, tuple[Tensor, ...]], dict[str, Tensor]]:
        if self.pieces > round.size:
            raise ValueError(f"a batch of {round.size} cannot be worked off in {self.pieces} pieces; use fewer pieces")
        edges = [round.size * i // self.pieces for i in range(self.pieces + 1)]
        found: dict[str, tuple[Tensor, ...]] = {}
        costs: dict[str, Tensor] = {}
        for first, last in pairwise(edges):
            weight = (last - first) / round.size
            part, part_costs = self._piece(cost, parameters, round.rows(first, last))
            for player, mine in part.items():
                found[player] = (
                    tuple(a + weight * g for a, g in zip(found[player], mine, strict=True))
                    if player in found
                    else tuple(weight * g for g in mine)
                )
            costs = {player: costs.get(player, 0) + weight * value for player, value in part_costs.items()}
        return found, costs
