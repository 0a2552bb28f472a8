"""Images on disk: grids, animations, folders and arrays, each file written whole or not at all."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from gansmith.files import write_atomically

__all__ = ["as_bytes", "grid", "read_latents", "save_gif", "save_grid", "save_images", "save_latents", "save_npz"]

PADDING = 2
"""Pixels between the images of a grid, after enlarging."""

COMFORTABLE = 80
"""Images of a grid are enlarged to about so many pixels, so that a person can look at them."""

LINE = 88
"""The grey between images: it shows on black and on white, and outshines neither."""

WIDEST = 2048
"""Nothing is enlarged beyond a grid of this many pixels."""

Pixels = npt.NDArray[np.uint8]


def as_bytes(images: Tensor) -> Pixels:
    """Images (n, c, h, w) in [-1, 1] as bytes (n, h, w, c): u = round(127.5·(x + 1)), cut to 0..255.

    What is not a number becomes mid-grey: a broken network's picture should show that, not fail.

    Raises:
        ValueError: not a float tensor of four axes.

    Example:
        >>> as_bytes(torch.tensor([-1.0, 0.0, 1.0, 9.0]).view(1, 1, 1, 4)).ravel().tolist()
        [0, 128, 255, 255]
    """
    if images.ndim != 4 or not images.is_floating_point():
        raise ValueError(
            "images must be floats (n, channels, height, width) in [-1, 1]; "
            f"got {images.dtype} of shape {tuple(images.shape)}"
        )
    x = images.detach().to("cpu", torch.float32).nan_to_num(nan=0.0)
    bytes_: Pixels = ((x + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
    return bytes_


def grid(images: Tensor, *, columns: int | None = None, scale: int | None = None) -> Image.Image:
    """Images side by side, row by row, small ones enlarged by a whole factor so that every pixel stays a square.

    Args:
        images: (n, c, h, w) in [-1, 1]; grey, RGB, or other channels, which are shown side by side in grey.
        columns: images in a row; by default about as many as there are rows.
        scale: the factor; None chooses it.

    Raises:
        ValueError: no images, or columns or a scale below 1.

    Example:
        >>> grid(torch.zeros(6, 1, 28, 28), columns=3).size
        (260, 174)
    """
    pixels = _showable(as_bytes(images))
    n, height, width, channels = pixels.shape
    if not n:
        raise ValueError("there are no images to put into a grid")
    columns = min(n, math.ceil(math.sqrt(n)) if columns is None else columns)
    if columns < 1 or (scale is not None and scale < 1):
        raise ValueError(f"columns and scale must be at least 1; got columns={columns}, scale={scale}")
    rows = -(-n // columns)
    if scale is None:
        room = WIDEST // max(columns * width, rows * height)
        scale = max(1, min(round(COMFORTABLE / max(height, width)), room))
    pixels = pixels.repeat(scale, 1).repeat(scale, 2)
    step_y, step_x = height * scale + PADDING, width * scale + PADDING
    canvas = np.full((rows * step_y + PADDING, columns * step_x + PADDING, channels), LINE, np.uint8)
    for place, image in enumerate(pixels):
        y, x = PADDING + place // columns * step_y, PADDING + place % columns * step_x
        canvas[y : y + height * scale, x : x + width * scale] = image
    return _picture(canvas)


def save_grid(images: Tensor, path: Path | str, *, columns: int | None = None) -> Path:
    """Write images (n, c, h, w) in [-1, 1] as one PNG, laid out by `grid`; return its path."""
    return _save(grid(images, columns=columns), Path(path))


def save_gif(frames: Tensor, path: Path | str, *, columns: int | None = None, milliseconds: int = 60) -> Path:
    """Write an endless animation, forwards and back again; return its path.

    Args:
        frames: (t, n, c, h, w) in [-1, 1]: frame by frame the images of a grid.
        path: where to.
        columns: images in a row of the grid.
        milliseconds: how long a frame is shown; GIF counts in tens of them.

    Raises:
        ValueError: not five axes, or no frames.
    """
    if frames.ndim != 5 or not len(frames):
        raise ValueError(f"frames must be (t ≥ 1, n, channels, height, width); got {tuple(frames.shape)}")
    pictures = [grid(frame, columns=columns) for frame in frames]
    # Dithering would flicker from frame to frame.
    pictures = [p if p.mode == "L" else p.quantize(256, dither=Image.Dither.NONE) for p in pictures]
    first, *rest = (*pictures, *pictures[-2:0:-1])
    out = io.BytesIO()
    first.save(out, "GIF", save_all=True, append_images=rest, duration=milliseconds, loop=0)
    return write_atomically(Path(path), out.getvalue())


def save_images(images: Tensor | Iterable[Tensor], folder: Path | str) -> list[Path]:
    """Write every image as a PNG of its own size: ``000000.png``, ``000001.png`` and so on; return their paths.

    Args:
        images: (n, c, h, w) in [-1, 1], or batches of them, of which one at a time is held.
        folder: where to; made if it is not there.

    Raises:
        ValueError: images that are neither grey nor RGB.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    for batch in [images] if isinstance(images, Tensor) else images:
        if batch.shape[1] not in (1, 3):
            raise ValueError(f"a PNG holds 1 (grey) or 3 (RGB) channels, not {batch.shape[1]}; write them as .npz")
        for image in as_bytes(batch):
            paths.append(_save(_picture(image), folder / f"{len(paths):06d}.png"))
    return paths


def save_npz(images: Tensor, labels: Tensor | None, path: Path | str) -> Path:
    """Write the arrays ``images`` (n, h, w, c) uint8 and, if given, ``labels`` (n,) int64, which ``--data`` reads back.

    Raises:
        ValueError: as many labels as images there must be.
    """
    arrays: dict[str, npt.NDArray[np.generic]] = {"images": as_bytes(images)}
    if labels is not None:
        if labels.shape != images.shape[:1]:
            raise ValueError(f"{len(images)} images need as many labels; got the shape {tuple(labels.shape)}")
        arrays["labels"] = labels.detach().cpu().to(torch.int64).numpy()
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    return write_atomically(Path(path), out.getvalue())


def save_latents(latents: Tensor, labels: Tensor | None, path: Path | str, *, of: str = "") -> Path:
    """Write the arrays ``latents`` (n, d), ``labels`` (n,) int64 if given, and ``of``, the model that they belong to.

    `read_latents` reads them back.
    """
    arrays: dict[str, npt.NDArray[np.generic]] = {"latents": latents.detach().cpu().float().numpy(), "of": np.array(of)}
    if labels is not None:
        arrays["labels"] = labels.detach().cpu().to(torch.int64).numpy()
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    return write_atomically(Path(path), out.getvalue())


def read_latents(path: Path | str) -> tuple[Tensor, Tensor | None, str]:
    """The latents (n, d), the labels (n,) int64, if there are any, and the model, if it is known, of `save_latents`.

    Raises:
        ValueError: the file is another one.
    """
    try:
        with np.load(Path(path), allow_pickle=False) as file:
            latents = torch.from_numpy(file["latents"].astype(np.float32))
            labels = torch.from_numpy(file["labels"].astype(np.int64)) if "labels" in file else None
            of = str(file["of"]) if "of" in file else ""
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} holds no latents: it must be a .npz with the array 'latents' (n, d)") from error
    if latents.ndim != 2 or not len(latents):
        raise ValueError(f"{path} holds latents of shape {tuple(latents.shape)}; they must be (n, d) with n at least 1")
    if labels is not None and labels.shape != latents.shape[:1]:
        raise ValueError(
            f"{path} holds {len(latents)} latents and labels of shape {tuple(labels.shape)}; give one each"
        )
    if not bool(latents.isfinite().all()):
        raise ValueError(f"{path} holds latents that are not finite numbers")
    return latents, labels, of


def _showable(pixels: Pixels) -> Pixels:
    n, height, width, channels = pixels.shape
    if channels in (1, 3):
        return pixels
    return pixels.transpose(0, 1, 3, 2).reshape(n, height, channels * width, 1)


def _picture(pixels: Pixels) -> Image.Image:
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def _save(picture: Image.Image, path: Path) -> Path:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return write_atomically(path, out.getvalue())
