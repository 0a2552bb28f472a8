"""The Inception-v3 network behind the published "FID", and the way pictures are brought to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["InceptionFeatures", "InceptionLogits", "InceptionV3", "prepared", "resized_as_published"]

SIDE, FEATURES, CLASSES = 299, 2048, 1008


class InceptionV3(nn.Module):
    """Inception-v3 as the original Fréchet Inception distance runs it, under the parameter names of the published file.

    It differs from the Inception-v3 that is usually trained in two ways: average pooling counts no padding, and the
    last block pools by the maximum. The head has 1,008 outputs, of which 1,000 mean something.

    From Szegedy et al. 2016, "Rethinking the Inception Architecture", figures 5 to 7 and table 1; the two differences
    are those of the network of 2015-12-05 that Salimans et al. 2016 and Heusel et al. 2017 took.

    Example:
        >>> network = InceptionV3()
        >>> network.Mixed_7c.branch3x3dbl_3b.conv.weight.shape, network.fc.weight.shape
        (torch.Size([384, 384, 3, 1]), torch.Size([1008, 2048]))
    """

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = _Unit(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = _Unit(32, 32, 3)
        self.Conv2d_2b_3x3 = _Unit(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = _Unit(64, 80, 1)
        self.Conv2d_4a_3x3 = _Unit(80, 192, 3)
        self.Mixed_5b = _narrow(192, pooled=32)
        self.Mixed_5c = _narrow(256, pooled=64)
        self.Mixed_5d = _narrow(288, pooled=64)
        self.Mixed_6a = _first_reduction(288)
        self.Mixed_6b = _factorised(768, within=128)
        self.Mixed_6c = _factorised(768, within=160)
        self.Mixed_6d = _factorised(768, within=160)
        self.Mixed_6e = _factorised(768, within=192)
        self.Mixed_7a = _second_reduction(768)
        self.Mixed_7b = _wide(1280, pool=_average)
        self.Mixed_7c = _wide(2048, pool=_highest)
        self.fc = nn.Linear(FEATURES, CLASSES)

    def features(self, x: Tensor) -> Tensor:
        """Prepared pictures (n, 3, 299, 299) to the pooled features (n, 2048)."""
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, stride=2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(F.max_pool2d(x, 3, stride=2))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        return x.mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Prepared pictures (n, 3, 299, 299) to logits (n, 1008), without the bias, as the published score is taken."""
        return F.linear(self.features(x), self.fc.weight)

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take published weights, whose file may or may not hold the batch norms' counters of batches.

        Raises:
            ValueError: names or shapes that are not this network's.
        """
        own = {name: tensor for name, tensor in self.state_dict().items() if not name.endswith(".num_batches_tracked")}
        given = {name: tensor for name, tensor in tensors.items() if not name.endswith(".num_batches_tracked")}
        strange = sorted(own.keys() ^ given.keys()) or [n for n in own if own[n].shape != given[n].shape]
        if strange:
            raise ValueError(f"these are not the weights of Inception-v3 with {CLASSES:,} outputs: see {strange[0]!r}")
        self.load_state_dict(given, strict=False)


class InceptionFeatures(nn.Module):
    """Pictures (n, 1 or 3, h, w) in [-1, 1] to the 2,048 features of the published FID.

    Args:
        network: with the published weights, in evaluation mode.
    """

    def __init__(self, network: InceptionV3) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network.features(prepared(images))


class InceptionLogits(nn.Module):
    """Pictures (n, 1 or 3, h, w) in [-1, 1] to the 1,008 logits of the published inception score.

    Args:
        network: with the published weights, in evaluation mode.
    """

    def __init__(self, network: InceptionV3) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(prepared(images))
        return logits


def prepared(images: Tensor) -> Tensor:
    """Pictures in [-1, 1] as the published protocol hands them over: as whole bytes, resized, (u − 128) / 128.

    Args:
        images: (n, 1 or 3, h, w); grey is repeated.

    Raises:
        ValueError: another number of channels.

    Example:
        >>> prepared(torch.ones(1, 1, 64, 64)).shape, prepared(torch.ones(1, 1, 64, 64)).unique().tolist()
        (torch.Size([1, 3, 299, 299]), [0.9921875])
    """
    if images.shape[1] not in (1, 3):
        raise ValueError(f"Inception knows grey or colour pictures; got {images.shape[1]} channels")
    bytes_ = ((images.float() + 1) * 127.5).round().clamp(0, 255).expand(-1, 3, -1, -1)
    return (resized_as_published(bytes_, SIDE) - 128) / 128


def resized_as_published(images: Tensor, side: int) -> Tensor:
    """Bilinear resizing (n, c, h, w) to a square without half-pixel centres and without antialiasing.

        y[i] = (1 − t)·x[⌊s⌋] + t·x[min(⌊s⌋ + 1, h − 1)],      s = i·h / side,  t = s − ⌊s⌋

    It shifts pictures by part of a pixel and aliases those that shrink; a published FID means this and nothing better
    (Parmar et al. 2022, "On Aliased Resizing and Surprising Subtleties in GAN Evaluation").

    Example:
        >>> resized_as_published(torch.tensor([[[[0.0, 8.0], [0.0, 8.0]]]]), 4)[0, 0, 0].tolist()
        [0.0, 4.0, 8.0, 8.0]
    """
    for axis in (2, 3):
        length = images.shape[axis]
        if length == side:
            continue
        place = torch.arange(side, device=images.device, dtype=images.dtype) * (length / side)
        low = place.long()
        share = (place - low).view(-1, *(1,) * (3 - axis))
        first = images.index_select(axis, low)
        images = first + (images.index_select(axis, (low + 1).clamp(max=length - 1)) - first) * share
    return images


class _Unit(nn.Module):
    """Convolution, batch norm, rectifier."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | tuple[int, int],
        *,
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class _Block(nn.Module):
    """Branches beside a pooling, put together along the channels.

    The published names say how the units stand: those of one stem follow one another by their number, a and b stand
    side by side, and `branch_pool` follows the pooling, which goes as it is where there is no such unit.
    """

    def __init__(self, pool: Callable[[Tensor], Tensor], **units: _Unit) -> None:
        super().__init__()
        self.pool, self.after_pool = pool, "branch_pool" in units
        self.straight: dict[str, dict[str, list[str]]] = {}
        for name, unit in units.items():
            self.add_module(name, unit)
            if name != "branch_pool":
                stem, _, place = name.partition("_")
                self.straight.setdefault(stem, {}).setdefault(place.rstrip("ab"), []).append(name)

    def forward(self, x: Tensor) -> Tensor:
        ends = [end for stages in self.straight.values() for end in self._along(x, stages.values())]
        last = self._along(self.pool(x), [["branch_pool"]] if self.after_pool else [])
        return torch.cat([*ends, *last], 1)

    def _along(self, x: Tensor, stages: Iterable[list[str]]) -> list[Tensor]:
        ends = [x]
        for names in stages:
            ends = [self.get_submodule(name)(ends[0]) for name in names]
        return ends


def _average(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def _highest(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, stride=1, padding=1)


def _halved(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, stride=2)


def _across(inputs: int, outputs: int, length: int) -> _Unit:
    return _Unit(inputs, outputs, (1, length), padding=(0, length // 2))


def _down(inputs: int, outputs: int, length: int) -> _Unit:
    return _Unit(inputs, outputs, (length, 1), padding=(length // 2, 0))


def _narrow(inputs: int, *, pooled: int) -> _Block:
    return _Block(
        _average,
        branch1x1=_Unit(inputs, 64, 1),
        branch5x5_1=_Unit(inputs, 48, 1),
        branch5x5_2=_Unit(48, 64, 5, padding=2),
        branch3x3dbl_1=_Unit(inputs, 64, 1),
        branch3x3dbl_2=_Unit(64, 96, 3, padding=1),
        branch3x3dbl_3=_Unit(96, 96, 3, padding=1),
        branch_pool=_Unit(inputs, pooled, 1),
    )


def _first_reduction(inputs: int) -> _Block:
    return _Block(
        _halved,
        branch3x3=_Unit(inputs, 384, 3, stride=2),
        branch3x3dbl_1=_Unit(inputs, 64, 1),
        branch3x3dbl_2=_Unit(64, 96, 3, padding=1),
        branch3x3dbl_3=_Unit(96, 96, 3, stride=2),
    )


def _factorised(inputs: int, *, within: int) -> _Block:
    return _Block(
        _average,
        branch1x1=_Unit(inputs, 192, 1),
        branch7x7_1=_Unit(inputs, within, 1),
        branch7x7_2=_across(within, within, 7),
        branch7x7_3=_down(within, 192, 7),
        branch7x7dbl_1=_Unit(inputs, within, 1),
        branch7x7dbl_2=_down(within, within, 7),
        branch7x7dbl_3=_across(within, within, 7),
        branch7x7dbl_4=_down(within, within, 7),
        branch7x7dbl_5=_across(within, 192, 7),
        branch_pool=_Unit(inputs, 192, 1),
    )


def _second_reduction(inputs: int) -> _Block:
    return _Block(
        _halved,
        branch3x3_1=_Unit(inputs, 192, 1),
        branch3x3_2=_Unit(192, 320, 3, stride=2),
        branch7x7x3_1=_Unit(inputs, 192, 1),
        branch7x7x3_2=_across(192, 192, 7),
        branch7x7x3_3=_down(192, 192, 7),
        branch7x7x3_4=_Unit(192, 192, 3, stride=2),
    )


def _wide(inputs: int, *, pool: Callable[[Tensor], Tensor]) -> _Block:
    return _Block(
        pool,
        branch1x1=_Unit(inputs, 320, 1),
        branch3x3_1=_Unit(inputs, 384, 1),
        branch3x3_2a=_across(384, 384, 3),
        branch3x3_2b=_down(384, 384, 3),
        branch3x3dbl_1=_Unit(inputs, 448, 1),
        branch3x3dbl_2=_Unit(448, 384, 3, padding=1),
        branch3x3dbl_3a=_across(384, 384, 3),
        branch3x3dbl_3b=_down(384, 384, 3),
        branch_pool=_Unit(inputs, 192, 1),
    )
