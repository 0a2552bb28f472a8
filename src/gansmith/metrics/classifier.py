"""A classifier whose confidence means what it says: probabilities with a temperature fitted on held-out data."""

import math
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from gansmith.metrics.convnet import SmallConvNet
from gansmith.metrics.images import beside, check_shape
from gansmith.metrics.shipped import WEIGHTS, load_weights, weights_digest

__all__ = ["Classifier", "calibrate", "digits", "stacked_digits"]


def calibrate(logits: Tensor, labels: Tensor, *, steps: int = 60) -> float:
    """The temperature that minimises the held-out negative log-likelihood.

        T* = argmin_T −Σ_i log softmax(z_i / T)[y_i]

    The objective is convex in 1/T, so its one minimum is found by bisection on the sign of the derivative
    over T in [0.01, 100].

    Args:
        logits: (n, k) scores of data that the classifier was not trained on.
        labels: (n,) integer classes.
        steps: bisection steps; 60 exhaust float64.

    Raises:
        ValueError: the shapes do not belong together, or there is nothing to fit on.

    From Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2.

    Example:
        >>> g = torch.Generator().manual_seed(0)
        >>> z = torch.randn(4000, 3, generator=g, dtype=torch.float64)
        >>> y = torch.multinomial(z.softmax(1), 1, generator=g).squeeze(1)
        >>> abs(calibrate(5 * z, y) - 5) < 0.5
        True
    """
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or not len(labels):
        shapes = f"{tuple(logits.shape)} and {tuple(labels.shape)}"
        raise ValueError(f"calibration needs logits (n, k) and as many labels (n,), n > 0; got {shapes}")
    scores = logits.detach().double()
    chosen = scores.gather(1, labels.view(-1, 1)).squeeze(1)
    low, high = 0.01, 100.0  # bounds of 1 / T
    for _ in range(steps):
        middle = math.sqrt(low * high)
        expected = ((middle * scores).softmax(1) * scores).sum(1)
        slope = (expected - chosen).mean().item()
        low, high = (middle, high) if slope < 0 else (low, middle)
    return 1 / math.sqrt(low * high)


@dataclass(frozen=True, kw_only=True, eq=False)
class Classifier:
    """A network of class logits with its calibrated temperature.

    Args:
        name: what the records call it.
        network: images (n, c, h, w) in [-1, 1] to logits (n, k), in evaluation mode.
        temperature: from `calibrate`, on data that the network was not trained on.
        shape: (c, h, w) of the images it knows, or None for any.

    Raises:
        ValueError: a temperature that is not positive.
    """

    name: str
    network: nn.Module
    temperature: float = 1.0
    shape: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ValueError(f"a temperature is positive; got {self.temperature}")

    @property
    def digest(self) -> str:
        """SHA-256 of the weights and the temperature."""
        return weights_digest({**self.network.state_dict(), "temperature": torch.tensor(self.temperature)})

    @torch.no_grad()
    def probabilities(self, images: Tensor) -> Tensor:
        """Images (n, c, h, w) in [-1, 1] to calibrated class probabilities (n, k) in float64.

        Raises:
            ValueError: images of another shape than the classifier knows.
        """
        check_shape(images, self.shape, self.name)
        logits: Tensor = self.network(beside(self.network, images))
        return (logits.double() / self.temperature).softmax(1)


@cache
def digits() -> Classifier:
    """The shipped classifier of handwritten digits: 28-px grey images, MNIST's ten classes.

    Trained by `benchmarks/train_extractor.py` on MNIST's training set without the 5,000 images of the embedded set, and
    to be unsure of Fashion-MNIST's images; its accuracies are in `benchmarks/results/extractor.json`. What it says of
    other things that are no digits is for the controls to show.

    Example:
        >>> blank = -torch.ones(1, 1, 28, 28)
        >>> probabilities = digits().probabilities(blank)
        >>> probabilities.shape, bool(probabilities.max() < 0.9)
        (torch.Size([1, 10]), True)
    """
    tensors, _ = load_weights(WEIGHTS / "digits28.safetensors")
    temperature = tensors.pop("temperature").item()
    network = SmallConvNet(classes=10)
    network.load_state_dict(tensors)
    network.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Classifier(name="digits28", network=network, temperature=temperature, shape=(1, 28, 28))


@cache
def stacked_digits() -> Classifier:
    """The classifier of `digits` in each of three colours: the 1,000 numbers that they write, red first.

    The probability of a number is the product of those of its digits.

    Example:
        >>> stacked_digits().probabilities(-torch.ones(1, 3, 28, 28)).shape
        torch.Size([1, 1000])
    """
    one = digits()
    return Classifier(
        name=f"stacked {one.name}", network=_Stacked(one.network), temperature=one.temperature, shape=(3, 28, 28)
    )


class _Stacked(nn.Module):
    """Logits (n, kᶜ) of the combinations of c channels' classes: sums of the channels' logits."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        n, channels = x.shape[:2]
        each: Tensor = self.network(x.reshape(n * channels, 1, *x.shape[2:])).view(n, channels, -1)
        total = each[:, 0]
        for channel in range(1, channels):
            total = (total[:, :, None] + each[:, channel, None]).flatten(1)
        return total
