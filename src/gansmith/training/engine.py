"""The engine that knows devices, precision and processes: every parameter gradient of a training run comes from here."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from gansmith.dynamics.engine import gradients, hypothetical
from gansmith.training.batch_norm import batch_norms, synchronise
from gansmith.training.processes import Processes
from gansmith.types import Costs, Game, Players, Round, key_seed

__all__ = ["DeviceEngine", "Precision", "has_fast_bfloat16", "keep_memory", "pick_device", "pick_precision"]

Precision = Literal["auto", "float32", "bfloat16"]


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name; ``auto`` is CUDA where there is one, else the CPU.

    Raises:
        ValueError: the device does not exist here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"there is no device {name!r} here ({str(error).splitlines()[0]}); use --device cpu or auto"
        ) from error
    return device


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether the processor multiplies in bfloat16 by itself, as it says, rather than by emulation."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    probes = [getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")]
    return device.type == "cpu" and any(probe() for probe in probes if probe is not None)


def pick_precision(precision: Precision, device: torch.device) -> Literal["float32", "bfloat16"]:
    """The precision in which the networks run; ``auto`` is bfloat16 where the processor is fast at it."""
    if precision == "auto":
        return "bfloat16" if has_fast_bfloat16(device) else "float32"
    return precision


def keep_memory() -> None:
    """Let glibc keep freed blocks: handing large activations back to the system costs a page fault per page and step."""
    if platform.system() == "Linux" and platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        trim_threshold, mmap_threshold = -1, -3
        libc.mallopt(mmap_threshold, 1 << 30)
        libc.mallopt(trim_threshold, 1 << 30)


@dataclass(frozen=True)
class DeviceEngine:
    """Gradients on one device, in one precision, for one process of several.

    Args:
        device: where the networks and the rounds are.
        precision: bfloat16 runs the networks under autocast; parameters, optimisers and losses stay in single precision.
        processes: who shares the batch; batch means and gradients are reduced over them.
        pieces: work the batch off in this many pieces, one after the other, to need less memory.
    """

    device: torch.device = torch.device("cpu")
    precision: Literal["float32", "bfloat16"] = "float32"
    processes: Processes = Processes()
    pieces: int = 1

    def prepare(self, game: Game, players: Players) -> None:
        """Move the players to the device in the memory format that its convolutions like, and check that pieces make sense.

        Raises:
            ValueError: the batch is to be split, but a player or the game needs it whole.
        """
        if self.pieces > 1:
            norms = [f"{player}.{name}" for player, module in players.items() for name in batch_norms(module)]
            if norms or not game.samplewise:
                why = f"batch normalisation in {norms[0]}" if norms else f"the batch means of {type(game).__name__}"
                raise ValueError(
                    f"pieces={self.pieces} would change the result: {why} needs the batch whole; use pieces=1"
                )
        for module in players.values():
            module.to(self.device)
            if any(p.dim() == 4 for p in module.parameters()):
                module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            if self.processes.world > 1:
                synchronise(module, self.processes)
                self.processes.broadcast_([t.data for t in (*module.parameters(), *module.buffers())])

    def gradient(
        self, cost: Callable[[Round], Costs], parameters: Mapping[str, Sequence[Tensor]], round: Round
    ) -> tuple[Mapping[str, Sequence[Tensor]], Costs]:
        # Whatever draws from torch's own random state (dropout, augmentation) becomes a function of the round.
        torch.manual_seed(key_seed(*round.key, tuple(parameters), self.processes.rank))
        found, costs = (
            self._piece(cost, parameters, round) if self.pieces == 1 else self._pieces(cost, parameters, round)
        )
        self.processes.average_([g for mine in found.values() for g in mine])
        return found, costs

    hypothetical = staticmethod(hypothetical)

    def _piece(
        self, cost: Callable[[Round], Costs], parameters: Mapping[str, Sequence[Tensor]], round: Round
    ) -> tuple[dict[str, tuple[Tensor, ...]], dict[str, Tensor]]:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            costs = cost(round)
        return gradients(costs, parameters), {player: value.detach() for player, value in costs.items()}

    def _pieces(
        self, cost: Callable[[Round], Costs], parameters: Mapping[str, Sequence[Tensor]], round: Round
    ) -> tuple[dict[str, tuple[Tensor, ...]], dict[str, Tensor]]:
        edges = [round.size * i // self.pieces for i in range(self.pieces + 1)]
        found: dict[str, tuple[Tensor, ...]] = {}
        costs: dict[str, Tensor] = {}
        for first, last in zip(edges[:-1], edges[1:], strict=True):
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


def trainable_count(module: nn.Module) -> int:
    """How many numbers are trained in `module`."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
