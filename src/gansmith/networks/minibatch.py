"""Layers that let a discriminator see how the samples of a batch lie to each other: variety becomes a feature."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from gansmith.types import widened

__all__ = ["MinibatchDeviation", "MinibatchDiscrimination"]


@final
class MinibatchDiscrimination(nn.Module):
    r"""Beside each sample's features, how close it is to the others of its batch (Salimans et al. 2016, sect. 3.2).

    .. math:: M_i = f(x_i)\,T \in \mathbb{R}^{B \times C}, \qquad
        o_b(x_i) = \beta_b + \sum_{j \ne i} \exp(-\lVert M_{ib} - M_{jb} \rVert_1)

    As in the code that the authors released, a sample is not its own neighbour, the columns of T have a length of their
    own, and a bias is learned. Real and generated samples are to be given apart, or each would be near the others.

    Args:
        features: F, of f(x).
        kernels: B.
        size: C, the numbers that a kernel compares.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> layer = MinibatchDiscrimination(3, kernels=2)
        >>> h = torch.randn(4, 3)
        >>> layer(h).shape
        torch.Size([4, 5])
        >>> layer(h[:1].expand(4, 3))[0, 3:].tolist()  # three fellows at distance 0, and the bias
        [2.0, 2.0]
    """

    samplewise = False

    def __init__(self, features: int, *, kernels: int = 100, size: int = 5) -> None:
        super().__init__()
        self.direction = nn.Parameter(0.05 * torch.randn(features, kernels, size))
        self.log_length = nn.Parameter(torch.zeros(kernels, size))
        self.bias = nn.Parameter(-torch.ones(kernels))

    def forward(self, h: Tensor) -> Tensor:
        """Return (n, F + B) for features (n, F)."""
        near = (-self.distances(h)).exp().sum(1) - 1  # each is at distance 0 from itself
        return torch.cat((h, (near + self.bias).to(h.dtype)), 1)

    def distances(self, h: Tensor) -> Tensor:
        """The distance of each two samples under each kernel, (n, n, B), for features (n, F)."""
        with torch.autocast(h.device.type, enabled=False):  # differences of large numbers
            weight = self.direction * (self.log_length.exp() / self.direction.square().sum(0).sqrt())
            m = torch.einsum("nf,fbc->nbc", widened(h), weight)
            return (m[:, None] - m[None]).abs().sum(-1)

    @torch.no_grad()
    def calibrate(self, h: Tensor) -> None:
        """Set lengths and biases by features (n, F) of real samples, n > 1, as the authors' code does before it trains.

        The mean distance to the nearest fellow becomes 2 under every kernel, and the mean output 0.
        """
        apart = self.distances(h) + 1e6 * torch.eye(len(h), device=h.device)[..., None]
        self.log_length.sub_((apart.amin(1).mean(0) / 2).clamp_min(1e-12).log()[:, None])
        self.bias.copy_(1 - (-self.distances(h)).exp().sum(1).mean(0))


@final
class MinibatchDeviation(nn.Module):
    """One more channel: how much samples differ within groups of the batch (Karras et al. 2018, sect. 3).

    The deviation over a group of each feature at each place, averaged over features and places, the same number for all
    of the group. A batch is dealt out into groups of `group` samples, or of as many as are left over.

    Args:
        group: samples in a group, at least 2.

    Raises:
        ValueError: a group would have one sample only.

    Example:
        >>> h = torch.tensor([0.0, 2.0, 5.0, 5.0]).view(4, 1, 1, 1)
        >>> MinibatchDeviation(group=2)(h)[:, 1].flatten().tolist()  # groups of rows 0, 2 and of rows 1, 3
        [2.5, 1.5, 2.5, 1.5]
    """

    samplewise = False

    def __init__(self, group: int = 4) -> None:
        super().__init__()
        if group < 2:
            raise ValueError(f"group is {group}; a deviation is over at least 2 samples")
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, C + 1, h, w) for features (n, C, h, w)."""
        groups = max(1, len(x) // self.group)
        dealt = [widened(x[first::groups]) for first in range(groups)]
        apart = torch.stack([(members.var(0, correction=0) + 1e-8).sqrt().mean() for members in dealt])
        told = apart.repeat(-(-len(x) // groups))[: len(x)].view(-1, 1, 1, 1)
        return torch.cat((x, told.expand(-1, 1, *x.shape[2:]).to(x.dtype)), 1)
