"""Normalisation: one name for each kind, and the kinds that PyTorch lacks."""

from __future__ import annotations

from typing import Literal, final, get_args

import torch
from torch import Tensor, nn

from gansmith.types import widened

__all__ = ["Norm", "PixelNorm", "VirtualBatchNorm", "norm"]

Norm = Literal["batch", "virtual", "reference", "layer", "instance", "pixel", "none"]
"""What a layer's output is divided by, channel by channel unless another thing is said.

``batch``: the deviation over the batch (Ioffe & Szegedy 2015), which lets the samples of a batch see each other.
``virtual`` and ``reference``: that over a batch that never changes, with and without the sample itself (Salimans et al.
2016, sect. 3.5). ``layer``: over all of the sample (Ba et al. 2016). ``instance``: over the sample's own pixels
(Ulyanov et al. 2016). ``pixel``: each pixel's root mean square over the channels (Karras et al. 2018, sect. 4.2).
"""


def norm(kind: Norm, channels: int, *, reference: int = 0) -> nn.Module:
    """A layer for (n, channels, h, w), with a gain that starts at 1 and a bias that starts at 0; "pixel" has neither.

    Args:
        kind: one of `Norm`.
        channels: of the input.
        reference: the rows of every batch that are the reference batch, for the kinds that have one.

    Raises:
        ValueError: there is no such kind, or no reference batch for one that needs it.

    Example:
        >>> x = torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(0))
        >>> [norm(kind, 4, reference=1)(x).shape == x.shape for kind in ("batch", "virtual", "layer", "pixel", "none")]
        [True, True, True, True, True]
    """
    match kind:
        case "batch":
            return nn.BatchNorm2d(channels)
        case "virtual" | "reference":
            return VirtualBatchNorm(channels, reference=reference, own=kind == "virtual")
        case "layer":
            return nn.GroupNorm(1, channels)
        case "instance":
            return nn.InstanceNorm2d(channels, affine=True)
        case "pixel":
            return PixelNorm()
        case "none":
            return nn.Identity()
        case _:
            raise ValueError(f"there is no normalisation {kind!r}; it must be one of {', '.join(get_args(Norm))}")


@final
class VirtualBatchNorm(nn.Module):
    r"""Batch normalisation by a batch that never changes, so that no sample sees another (Salimans et al. 2016, 3.5).

    The first R rows of what comes in are the reference batch; they are normalised among themselves. With their mean μ_R
    and variance, and those of the sample over its own places, those of the R + 1 together are

    .. math:: \mu = \mu_R + \frac{\mu_x - \mu_R}{R + 1}, \qquad
        \sigma^2 = \frac{R\,\sigma_R^2 + \sigma_x^2}{R + 1} + \frac{R\,(\mu_x - \mu_R)^2}{(R + 1)^2}

    and y = γ (x − μ) / √(σ² + ε) + β. Training and evaluation are the same. Whoever holds such layers puts the
    reference batch before the others and takes it away behind: `Generator` does, given ``reference``.

    Args:
        channels: of the input, (R + n, channels, ...).
        reference: R, at least 1.
        own: the sample itself counts; without it this is reference batch normalisation: μ_R and σ_R² alone.
        eps: ε.

    Raises:
        ValueError: `reference` is below 1, or fewer rows than it come in.

    Example:
        >>> batch = torch.tensor([[1.0], [3.0], [5.0], [100.0]])
        >>> VirtualBatchNorm(1, reference=2, eps=0.0)(batch)[2].item()  # among 1, 3 and 5: two over the root of 8/3
        1.2247447967529297
        >>> VirtualBatchNorm(1, reference=2, own=False, eps=0.0)(batch)[2].item()
        3.0
    """

    def __init__(self, channels: int, *, reference: int, own: bool = True, eps: float = 1e-5) -> None:
        super().__init__()
        if reference < 1:
            raise ValueError(f"reference is {reference}; a reference batch has at least 1 row")
        self.reference, self.own, self.eps = reference, own, eps
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (R + n, channels, ...)."""
        rows, places = self.reference, tuple(range(2, x.ndim))
        if x.shape[0] < rows:  # not len(x), which would fix the batch of an export
            raise ValueError(f"{x.shape[0]} rows came in, and the first {rows} are to be the reference batch")
        steady, mine = widened(x[:rows]), widened(x[rows:])
        var, mean = torch.var_mean(steady, (0, *places), correction=0, keepdim=True)
        steady = self._scaled(steady, mean, var)
        if self.own:
            apart = (mine.mean(places, keepdim=True) if places else mine) - mean
            within = mine.var(places, correction=0, keepdim=True) if places else 0.0
            share = 1 / (rows + 1)
            mean = mean + share * apart
            var = (1 - share) * var + share * within + share * (1 - share) * apart.square()
        return torch.cat((steady, self._scaled(mine, mean, var))).to(x.dtype)

    def _scaled(self, x: Tensor, mean: Tensor, var: Tensor) -> Tensor:
        across = (-1,) + (1,) * (x.ndim - 2)
        return (x - mean) * ((var + self.eps).rsqrt() * self.weight.view(across)) + self.bias.view(across)

    def extra_repr(self) -> str:
        return f"{len(self.weight)}, reference={self.reference}, own={self.own}, eps={self.eps:g}"


@final
class PixelNorm(nn.Module):
    """Each pixel's vector divided by its root mean square: x / √(mean over channels of x² + 1e-8) (Karras et al. 2018).

    Example:
        >>> PixelNorm()(torch.tensor([[3.0, 4.0]])).square().mean().item()
        1.0
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (n, channels, ...)."""
        wide = widened(x)
        return (wide * (wide.square().mean(1, keepdim=True) + 1e-8).rsqrt()).to(x.dtype)
