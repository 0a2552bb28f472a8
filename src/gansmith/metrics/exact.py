"""What theory says of two densities that are known: the optimal discriminator, divergences, the value of the game.

Functions take log densities that were evaluated somewhere: on a `lattice` with its weights, which gives the exact value
up to quadrature, or at samples, which gives an estimate with its standard error.

Example:
    >>> from torch.distributions import Normal
    >>> points, weights = lattice(-12.0, 12.0, 2000)
    >>> log_p, log_q = Normal(0.0, 1.0).log_prob(points[:, 0]), Normal(2.0, 1.0).log_prob(points[:, 0])
    >>> round(kl_divergence(log_p, log_q, weights).item(), 9)  # (μ₁ − μ₂)² / 2
    2.0
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gansmith.metrics.estimate import Estimate

__all__ = [
    "game_value",
    "js_divergence",
    "js_from_samples",
    "kl_divergence",
    "kl_from_samples",
    "lattice",
    "optimal_discriminator",
    "optimal_value",
    "total_variation",
]


def lattice(low: float | Sequence[float], high: float | Sequence[float], points: int) -> tuple[Tensor, Tensor]:
    """The midpoint rule on a box: Σ_i w_i f(x_i) ≈ ∫ f.

    For smooth densities that have died out at the border it converges faster than any power of the spacing; a spacing
    of a standard deviation's half is enough for twelve digits of a Gaussian.

    Args:
        low: the box's lower corner; a number for a stretch of the line.
        high: the upper corner.
        points: along each axis, ≥ 1.

    Returns:
        Points (points^d, d) and weights (points^d,), in float64.

    Raises:
        ValueError: the corners have different lengths, one is not below the other, or `points` is below 1.

    Example:
        >>> x, w = lattice((0.0, 0.0), (1.0, 2.0), 2)
        >>> x.tolist(), w.sum().item()
        ([[0.25, 0.5], [0.25, 1.5], [0.75, 0.5], [0.75, 1.5]], 2.0)
    """
    lows = tuple(low) if isinstance(low, Sequence) else (low,)
    highs = tuple(high) if isinstance(high, Sequence) else (high,)
    if len(lows) != len(highs) or not all(a < b for a, b in zip(lows, highs, strict=True)):
        raise ValueError(f"the box reaches from {low} to {high}; every lower bound must be below its upper bound")
    if points < 1:
        raise ValueError(f"points is {points}; a lattice has at least 1 along each axis")
    middles = (torch.arange(points, dtype=torch.float64) + 0.5) / points
    axes = [a + (b - a) * middles for a, b in zip(lows, highs, strict=True)]
    x = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(axes))
    cell = math.prod((b - a) / points for a, b in zip(lows, highs, strict=True))
    return x, torch.full((len(x),), cell, dtype=torch.float64)


def optimal_discriminator(
    log_p: Tensor, log_q: Tensor, *, real_target: float = 1.0, fake_target: float = 0.0
) -> Tensor:
    """The best answer to a fixed generator: D* = (a·p + b·q) / (p + q), with the targets a and b; else p / (p + q).

    Its logit, for targets 1 and 0, is ``log_p - log_q``. From Goodfellow et al. 2014, Proposition 1; with targets,
    Salimans et al. 2016, section 3.4.

    Args:
        log_p: the data's log density, any shape; −inf where there are none.
        log_q: the generator's, of the same shape.
        real_target: a, in [0, 1]; 0.9 is label smoothing.
        fake_target: b, in [0, 1]; anything but 0 puts the generator's density in the numerator.

    Returns:
        D*, of the same shape; NaN where both densities are 0 and any answer is as good.

    Raises:
        ValueError: different shapes, or a target outside [0, 1].

    Example:
        >>> optimal_discriminator(torch.tensor([0.0, 0.0]), torch.tensor([0.0, -math.inf]), real_target=0.9)
        tensor([0.4500, 0.9000])
    """
    _check_same(log_p, log_q)
    for name, target in (("real_target", real_target), ("fake_target", fake_target)):
        if not 0 <= target <= 1:
            raise ValueError(f"{name} is {target}; it must be in [0, 1]")
    return fake_target + (real_target - fake_target) * (log_p - log_q).sigmoid()


def kl_divergence(log_p: Tensor, log_q: Tensor, weights: Tensor) -> Tensor:
    """The Kullback–Leibler divergence KL(p‖q) = ∫ p·log(p/q); the other direction is had by swapping the arguments.

    Args:
        log_p: log p at the points of a `lattice`, (n,); −inf where p is 0.
        log_q: log q there, (n,).
        weights: the lattice's, (n,).

    Returns:
        A scalar ≥ 0 up to quadrature; infinite where q is 0 and p is not.

    Raises:
        ValueError: different shapes.

    Example:
        >>> p, q = torch.tensor([0.5, 0.5, 0.0]).log(), torch.tensor([0.25, 0.25, 0.5]).log()
        >>> kl_divergence(p, q, torch.ones(3)), kl_divergence(q, p, torch.ones(3))  # log 2, and infinite
        (tensor(0.6931), tensor(inf))
    """
    _check_same(log_p, log_q, weights)
    return (weights * _expected(log_p, log_p - log_q)).sum()


def js_divergence(log_p: Tensor, log_q: Tensor, weights: Tensor) -> Tensor:
    """The Jensen–Shannon divergence JSD(p, q) = KL(p‖m)/2 + KL(q‖m)/2 with m = (p + q)/2, in [0, log 2].

    Args:
        log_p: log p at the points of a `lattice`, (n,); −inf where p is 0.
        log_q: log q there, (n,).
        weights: the lattice's, (n,).

    Raises:
        ValueError: different shapes.

    Example:
        >>> js_divergence(torch.tensor([1.0, 0.0]).log(), torch.tensor([0.0, 1.0]).log(), torch.ones(2))  # log 2
        tensor(0.6931)
    """
    _check_same(log_p, log_q, weights)
    log_m = torch.logaddexp(log_p, log_q) - math.log(2)
    terms = _expected(log_p, log_p - log_m) + _expected(log_q, log_q - log_m)
    return 0.5 * (weights * terms).sum()


def total_variation(log_p: Tensor, log_q: Tensor, weights: Tensor) -> Tensor:
    """The total variation distance ½∫|p − q|, in [0, 1].

    Args:
        log_p: log p at the points of a `lattice`, (n,); −inf where p is 0.
        log_q: log q there, (n,).
        weights: the lattice's, (n,).

    Raises:
        ValueError: different shapes.

    Example:
        >>> total_variation(torch.tensor([0.5, 0.5]).log(), torch.tensor([0.9, 0.1]).log(), torch.ones(2))
        tensor(0.4000)
    """
    _check_same(log_p, log_q, weights)
    return 0.5 * (weights * (log_p.exp() - log_q.exp()).abs()).sum()


def game_value(logits: Tensor, log_p: Tensor, log_q: Tensor, weights: Tensor) -> Tensor:
    """What the minimax game is worth to a discriminator: V = ∫ p·log D + q·log(1 − D), with D = σ(logits).

    From Goodfellow et al. 2014, eq. 1. No discriminator gets more than `optimal_value`.

    Args:
        logits: the discriminator's scores at the points of a `lattice`, (n,).
        log_p: the data's log density there, (n,).
        log_q: the generator's, (n,).
        weights: the lattice's, (n,).

    Raises:
        ValueError: different shapes.

    Example:
        >>> half = torch.tensor([0.5, 0.5]).log()
        >>> game_value(torch.zeros(2), half, half, torch.ones(2))  # −log 4
        tensor(-1.3863)
    """
    _check_same(logits, log_p, log_q, weights)
    return (weights * (_expected(log_p, -softplus(-logits)) + _expected(log_q, -softplus(logits)))).sum()


def optimal_value(log_p: Tensor, log_q: Tensor, weights: Tensor) -> Tensor:
    """The game's value under the optimal discriminator, −log 4 + 2·JSD(p, q) (Goodfellow et al. 2014, Theorem 1).

    Args:
        log_p: the data's log density at the points of a `lattice`, (n,).
        log_q: the generator's, (n,).
        weights: the lattice's, (n,).

    Raises:
        ValueError: different shapes.

    Example:
        >>> half = torch.tensor([0.5, 0.5]).log()
        >>> optimal_value(half, half, torch.ones(2))
        tensor(-1.3863)
    """
    return -math.log(4) + 2 * js_divergence(log_p, log_q, weights)


def kl_from_samples(log_p: Tensor, log_q: Tensor) -> Estimate:
    """KL(p‖q) as the mean of log p − log q over samples of p.

    Args:
        log_p: log p at samples of p, (n,) with n ≥ 2.
        log_q: log q at the same samples, (n,).

    Raises:
        ValueError: different shapes, or fewer than two samples.

    Example:
        >>> kl_from_samples(torch.tensor([1.0, 3.0]), torch.tensor([0.0, 0.0]))
        Estimate(value=2.0, error=1.0)
    """
    _check_same(log_p, log_q)
    return _mean(log_p - log_q)


def js_from_samples(log_p_at_p: Tensor, log_q_at_p: Tensor, log_p_at_q: Tensor, log_q_at_q: Tensor) -> Estimate:
    """JSD(p, q) from samples of both: log 2 − ½E_p log(1 + q/p) − ½E_q log(1 + p/q), bounded terms all.

    Args:
        log_p_at_p: log p at samples of p, (n,) with n ≥ 2.
        log_q_at_p: log q at the same samples, (n,).
        log_p_at_q: log p at samples of q, (m,) with m ≥ 2.
        log_q_at_q: log q at the same samples, (m,).

    Raises:
        ValueError: different shapes, or fewer than two samples.

    Example:
        >>> here, there = torch.tensor([0.0, 0.0]), torch.tensor([-100.0, -100.0])
        >>> round(js_from_samples(here, there, there, here).value, 4)  # log 2: they do not overlap
        0.6931
    """
    _check_same(log_p_at_p, log_q_at_p)
    _check_same(log_p_at_q, log_q_at_q)
    at_p, at_q = _mean(softplus(log_q_at_p - log_p_at_p)), _mean(softplus(log_p_at_q - log_q_at_q))
    return Estimate(math.log(2) - 0.5 * (at_p.value + at_q.value), 0.5 * math.hypot(at_p.error, at_q.error))


def _expected(log_p: Tensor, values: Tensor) -> Tensor:
    """p·values, which is 0 where p is 0 whatever the value: p·log p has that limit."""
    p = log_p.exp()
    return torch.where(p > 0, p * values, torch.zeros_like(p))


def _mean(terms: Tensor) -> Estimate:
    if terms.ndim != 1 or len(terms) < 2:
        raise ValueError(f"log densities have shape {tuple(terms.shape)}; an estimate needs (n,) with n of at least 2")
    terms = terms.double()
    return Estimate(terms.mean().item(), terms.std().item() / math.sqrt(len(terms)))


def _check_same(*tensors: Tensor) -> None:
    shapes = [tuple(tensor.shape) for tensor in tensors]
    if len(set(shapes)) > 1:
        raise ValueError(f"shapes {', '.join(map(str, shapes))} differ; give values at the same points, one each")
