"""A conformance check that anyone can run on a network of their own."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from gansmith.networks.shapes import Shape, check_shape

__all__ = ["check_networks"]

SAMPLES = 4


def check_networks(
    generator: nn.Module, discriminator: nn.Module, *, shape: Shape, latent: int, classes: int = 0
) -> None:
    """Check that two modules can be the players of a game on samples of ``shape``.

    The generator must map z (n, latent) to finite samples (n, *shape), images in [-1, 1]; the discriminator must map
    those to finite scores (n,); both take the label (n,) as a second argument if ``classes`` > 0. Gradients must
    reach every parameter that requires one, and the gradient penalties need a second derivative of the discriminator
    with respect to its parameters. The check works on copies and leaves the modules and torch's global random state
    as they were.

    Args:
        generator: the generator, on any device.
        discriminator: the discriminator, on the same device.
        shape: shape of one sample: (C, H, W) or (d,).
        latent: length of z.
        classes: number of classes; 0 for none.

    Raises:
        ValueError: something of this does not hold; the message says what.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> g = nn.Sequential(nn.Linear(3, 2))
        >>> d = nn.Sequential(nn.Linear(2, 8), nn.Softplus(), nn.Linear(8, 1), nn.Flatten(0))
        >>> check_networks(g, d, shape=(2,), latent=3)
    """
    shape = check_shape(shape)
    generator, discriminator = copy.deepcopy(generator).train(), copy.deepcopy(discriminator).train()
    device = next((p.device for p in generator.parameters()), torch.device("cpu"))
    source = torch.Generator().manual_seed(0)
    z = torch.randn(SAMPLES, latent, generator=source).to(device)
    label = (torch.arange(SAMPLES, device=device) % classes,) if classes else ()
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        samples = generator(z, *label)
        _check_samples(samples, shape)
        scores = discriminator(samples, *label)
        _check_scores(scores)
        _check_reached(generator, scores, "generator")
        real = torch.randn(SAMPLES, *shape, generator=source).clamp(-1, 1).to(device).requires_grad_()
        scores = discriminator(real, *label)
        _check_reached(discriminator, scores, "discriminator")
        _check_penalty(discriminator, scores, real)


def _check_samples(samples: Tensor, shape: Shape) -> None:
    if not isinstance(samples, Tensor) or samples.shape != (SAMPLES, *shape):
        got = tuple(samples.shape) if isinstance(samples, Tensor) else type(samples).__name__
        raise ValueError(f"the generator gave {got} for {SAMPLES} latents; it must give {(SAMPLES, *shape)}")
    if not samples.isfinite().all():
        raise ValueError("the generator gave values that are not finite; look at its initialisation")
    if len(shape) == 3 and samples.abs().max() > 1:
        extreme = samples.abs().max().item()
        raise ValueError(f"the generator gave pixels up to {extreme:.3g}; images lie in [-1, 1] (end it with a tanh)")


def _check_scores(scores: Tensor) -> None:
    if not isinstance(scores, Tensor) or scores.shape != (SAMPLES,):
        got = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        hint = "; add .squeeze(1)" if got == (SAMPLES, 1) else ""
        raise ValueError(f"the discriminator gave {got} for {SAMPLES} samples; it must give ({SAMPLES},){hint}")
    if not scores.isfinite().all():
        raise ValueError("the discriminator gave scores that are not finite; look at its initialisation")


def _gradients(output: Tensor, inputs: Iterable[Tensor], *, create_graph: bool = False) -> list[Tensor | None]:
    if not output.requires_grad:
        return [None for _ in inputs]
    # Unlike weights keep symmetric networks from sending back a sum of zero.
    weights = torch.linspace(0.5, 1.5, output.numel(), dtype=output.dtype, device=output.device).view_as(output)
    return list(
        torch.autograd.grad(
            (output * weights).sum(), list(inputs), allow_unused=True, create_graph=create_graph, retain_graph=True
        )
    )


def _check_reached(network: nn.Module, scores: Tensor, name: str) -> None:
    live = {key: p for key, p in network.named_parameters() if p.requires_grad}
    grads = dict(zip(live, _gradients(scores, live.values()), strict=True))
    unreached = [key for key, grad in grads.items() if grad is None]
    if unreached:
        raise ValueError(f"no gradient reaches these parameters of the {name}: {', '.join(unreached)}")
    bad = [key for key, grad in grads.items() if grad is not None and not grad.isfinite().all()]
    if bad:
        raise ValueError(f"the gradient of these parameters of the {name} is not finite: {', '.join(bad)}")


def _check_penalty(discriminator: nn.Module, scores: Tensor, real: Tensor) -> None:
    live = [p for p in discriminator.parameters() if p.requires_grad]
    (slope,) = _gradients(scores, [real], create_graph=True)
    if slope is None:
        raise ValueError("the discriminator's scores have no gradient with respect to its input")
    message = (
        "the discriminator has no finite second derivative, which gradient penalties need; look for .detach(), "
        "no_grad or an operation without a double backward"
    )
    try:
        second = [g for g in _gradients(slope.square().sum(), live) if g is not None]
    except RuntimeError as error:
        raise ValueError(f"{message} ({error})") from error
    if live and (not second or not all(g.isfinite().all() for g in second)):
        raise ValueError(message)
