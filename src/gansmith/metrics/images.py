"""What metrics accept as images, and the one conversion they offer."""

from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["as_images", "beside", "check_shape", "fit"]

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in Pillow's mode "L"


def as_images(images: Tensor) -> Tensor:
    """Float images in [-1, 1] of float or uint8 images (n, c, h, w); uint8 u becomes u / 127.5 − 1.

    Raises:
        ValueError: another number of axes or another type.

    Example:
        >>> as_images(torch.tensor([[[[0, 255]]]], dtype=torch.uint8))
        tensor([[[[-1.,  1.]]]])
    """
    if images.ndim != 4:
        raise ValueError(f"images are (n, channels, height, width); got the shape {tuple(images.shape)}")
    if images.dtype == torch.uint8:
        return images.float() / 127.5 - 1
    if not images.is_floating_point():
        raise ValueError(f"images are uint8, or floats in [-1, 1]; got {images.dtype}")
    return images.float()


def check_shape(images: Tensor, shape: tuple[int, int, int] | None, name: str) -> None:
    """Refuse images whose (channels, height, width) is not the one that `name` knows.

    Raises:
        ValueError: the shapes differ; it says which and what to do.
    """
    if shape is not None and tuple(images.shape[1:]) != shape:
        got, known = (", ".join(map(str, s)) for s in (images.shape[1:], shape))
        raise ValueError(f"{name} knows images of (channels, height, width) = ({known}); got ({got}): pass resize=True")


def beside(network: nn.Module, images: Tensor) -> Tensor:
    """The images on the device of a network; where they are, if it owns no tensor."""
    anchor = next(chain(network.parameters(), network.buffers()), images)
    return images.to(anchor.device)


def fit(images: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Convert images (n, c, h, w) in [-1, 1] to `shape`: luma for grey, repeated for colour, antialiased bilinear.

    Raises:
        ValueError: a conversion other than between one and three channels (an alpha channel is dropped first by you).

    Example:
        >>> fit(torch.ones(2, 3, 64, 64), (1, 28, 28)).shape
        torch.Size([2, 1, 28, 28])
    """
    channels, height, width = shape
    found = images.shape[1]
    if found != channels:
        if {found, channels} != {1, 3}:
            raise ValueError(f"images are converted between 1 and 3 channels only; got {found}, wanted {channels}")
        if channels == 1:
            images = torch.einsum("nchw,c->nhw", images, images.new_tensor(LUMA)).unsqueeze(1)
        else:
            images = images.expand(-1, 3, -1, -1)
    if images.shape[2:] == (height, width):
        return images
    return F.interpolate(images, (height, width), mode="bilinear", antialias=True, align_corners=False).clamp(-1, 1)
