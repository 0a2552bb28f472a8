"""The discriminator as a game sees it during one round: scores, and their gradients with respect to the input."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gansmith.types import widened

__all__ = ["Critic", "Veiled", "as_scores", "class_logits", "input_gradient", "unveiled"]


def as_scores(output: Tensor, n: int, who: str = "the discriminator") -> Tensor:
    """One score per sample, shape ``(n,)``.

    A trailing dimension of one is dropped; anything else is refused, because ``(n, 1)`` against ``(n,)`` would
    silently broadcast to ``(n, n)`` in a loss. Scores in half precision are widened, so that losses keep their digits.

    Raises:
        ValueError: `output` does not hold exactly one number per sample.

    Example:
        >>> as_scores(torch.zeros(3, 1), 3).shape
        torch.Size([3])
    """
    if output.numel() != n or output.shape[:1] != (n,):
        raise ValueError(
            f"{who} returned shape {tuple(output.shape)} for {n} samples; it must return one score each, shape ({n},)"
        )
    return widened(output.reshape(n))


def class_logits(discriminator: Any, x: Tensor) -> Tensor:
    """A discriminator's logits (n, K) of samples x (n, ...), by its method ``logits``.

    Raises:
        ValueError: it has no such method.
    """
    if not hasattr(discriminator, "logits"):
        raise ValueError(
            f"{type(discriminator).__name__} does not classify; give it a method logits(x) -> (n, K), as Classifier has"
        )
    found: Tensor = widened(discriminator.logits(x))
    return found


def input_gradient(scores: Tensor, x: Tensor) -> Tensor:
    """∂(Σ scores)/∂x, itself differentiable: each sample's own gradient where the network treats samples apart.

    Example:
        >>> x = torch.tensor([[1.0], [2.0]], requires_grad=True)
        >>> input_gradient(x.square().sum(1), x).flatten().tolist()
        [2.0, 4.0]
    """
    return torch.autograd.grad(scores.sum(), x, create_graph=True)[0]


class Veiled(nn.Module):
    """A discriminator that is shown everything through a veil, such as noise, in place of the discriminator itself.

    A `Critic` veils its points by name, once, and then asks the discriminator inside; what it derives from its points,
    such as mixtures of them, is veiled already. Whoever calls the module itself gets a veil that knows no names.

    Args:
        inside: the discriminator.
        veil: ``(x, name) -> x'``, the veiled samples; of a call without a critic, the name is empty.

    Example:
        >>> veiled = Veiled(nn.Flatten(0), lambda x, name: x + len(name))
        >>> veiled(torch.zeros(1, 1)), Critic(veiled, {"real": torch.zeros(1, 1)}).scores("real")
        (tensor([0.]), tensor([4.]))
    """

    def __init__(self, inside: Callable[..., Tensor], veil: Callable[[Tensor, str], Tensor]) -> None:
        super().__init__()
        self.inside, self.veil = inside, veil

    def forward(self, x: Tensor, *more: Tensor) -> Tensor:
        return self.inside(self.veil(x, ""), *more)


def unveiled(module: Callable[..., Any], points: Mapping[str, Tensor]) -> tuple[Callable[..., Any], dict[str, Tensor]]:
    """The network behind all veils, and points by name as it is shown them.

    Example:
        >>> veiled = Veiled(nn.Flatten(0), lambda x, name: x + len(name))
        >>> inside, points = unveiled(veiled, {"real": torch.zeros(1, 1)})
        >>> type(inside).__name__, points["real"].item()
        ('Flatten', 4.0)
    """
    shown = dict(points)
    while isinstance(module, Veiled):
        shown = {name: module.veil(x, name) for name, x in shown.items()}
        module = module.inside
    return module, shown


class Critic:
    """A discriminator with the points of one round; each is evaluated at most once.

    Args:
        module: the network, or any function: ``module(x)`` or, with labels, ``module(x, label)``.
        points: samples by name.
        labels: labels by the name of the point; None where the game has no labels.
        differentiable: the points at which the gradient with respect to the input will be wanted.
        joint: evaluate all points in one pass, and differentiate them in one. Exact for a network that treats samples
            apart; with batch normalisation the statistics are then those of the mixed batch.
    """

    def __init__(
        self,
        module: Callable[..., Tensor],
        points: Mapping[str, Tensor],
        labels: Mapping[str, Tensor] | None = None,
        *,
        differentiable: Collection[str] = (),
        joint: bool = False,
    ) -> None:
        self.module, points = unveiled(module, points)
        self.labels = labels
        # A point that depends on no parameter becomes a leaf that can be differentiated; one that does is left alone.
        self.points = {
            name: x.detach().requires_grad_() if name in differentiable and not x.requires_grad else x
            for name, x in points.items()
        }
        self._scores: dict[str, Tensor] = {}
        self._gradients: dict[str, Tensor] = {}
        self._whole = self._together() if joint and len(points) > 1 else None

    def __call__(self, x: Tensor, like: str) -> Tensor:
        """The scores of any other points `x`, with the labels of the point named `like`."""
        output = self.module(x) if self.labels is None else self.module(x, self.labels[like])
        return as_scores(output, x.shape[0])

    def scores(self, name: str) -> Tensor:
        """The scores at a named point, shape ``(n,)``."""
        if name not in self._scores:
            self._scores[name] = self(self.points[name], name)
        return self._scores[name]

    def gradient(self, name: str) -> Tensor:
        """The scores' gradient with respect to a named point, of that point's shape.

        Raises:
            ValueError: the point was not named as `differentiable`.
        """
        if not self.points[name].requires_grad:
            raise ValueError(f"the slope at {name!r} was not asked for in time; a penalty names its points in `at`")
        if name not in self._gradients:
            if self._whole is None:
                self._gradients[name] = input_gradient(self.scores(name), self.points[name])
            else:
                x, scores = self._whole
                self._gradients |= self._apart(input_gradient(scores, x))
        return self._gradients[name]

    def _together(self) -> tuple[Tensor, Tensor]:
        x = torch.cat(list(self.points.values()))
        label = None if self.labels is None else torch.cat([self.labels[name] for name in self.points])
        scores = as_scores(self.module(x) if label is None else self.module(x, label), x.shape[0])
        self._scores = self._apart(scores)
        return x, scores

    def _apart(self, whole: Tensor) -> dict[str, Tensor]:
        parts = whole.split_with_sizes([x.shape[0] for x in self.points.values()])
        return dict(zip(self.points, parts, strict=True))
