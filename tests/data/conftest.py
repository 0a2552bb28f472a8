"""Pictures to write: every mode and fault that a folder of a real person may hold."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def quarters() -> Image.Image:
    """60 wide, 40 high: red above left, green above right, blue below left, white below right."""
    pixels = np.full((40, 60, 3), 255, np.uint8)
    pixels[:20, :30], pixels[:20, 30:], pixels[20:, :30] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    return Image.fromarray(pixels)


@pytest.fixture
def encoded() -> Callable[..., io.BytesIO]:
    def encode(image: Image.Image, kind: str = "PNG", **options: object) -> io.BytesIO:
        buffer = io.BytesIO()
        image.save(buffer, kind, **options)
        buffer.seek(0)
        return buffer

    return encode


@pytest.fixture
def grey_folder(tmp_path: Path) -> Path:
    """Twelve grey 10×8 images in two class folders, each of one value: 0, 10, … 110."""
    folder = tmp_path / "grey"
    for i in range(12):
        target = folder / ("cats" if i % 2 else "dogs") / f"{i:02}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 10), 10 * i).save(target)
    return folder


def rotated(image: Image.Image, orientation: int) -> bytes:
    """A PNG whose EXIF data say how a viewer must turn it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    image.save(buffer, "PNG", exif=exif)
    return buffer.getvalue()


def bomb() -> bytes:
    """The header of a PNG that claims to be 30,000 × 30,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.fixture
def motley(tmp_path: Path, quarters: Image.Image) -> Path:
    """The folder that the README promises to train on, and worse."""
    folder = tmp_path / "motley"
    (folder / "deep" / "deeper").mkdir(parents=True)
    quarters.save(folder / "plain.png")
    quarters.resize((300, 200)).save(folder / "photo.jpg", quality=95)
    transparent = quarters.convert("RGBA")
    transparent.putalpha(Image.new("L", quarters.size, 0))
    transparent.save(folder / "transparent.png")
    quarters.quantize(4).save(folder / "deep" / "palette.png")
    Image.fromarray(np.full((50, 50), 32896, np.uint16)).save(folder / "deep" / "deeper" / "sixteen.png")
    (folder / "rotated.png").write_bytes(rotated(quarters, 6))
    quarters.convert("CMYK").save(folder / "print.jpg", quality=95)
    quarters.save(folder / "moving.gif", save_all=True, append_images=[Image.new("RGB", (60, 40))])
    (folder / "notes.txt").write_text("not an image")
    (folder / "truncated.jpg").write_bytes((folder / "photo.jpg").read_bytes()[:1500])
    (folder / "empty.png").write_bytes(b"")
    (folder / "letter.png").write_text("Dear reader")
    (folder / "bomb.png").write_bytes(bomb())
    (folder / ".DS_Store").write_bytes(b"\0")
    (folder / "._plain.png").write_bytes(b"\0\5\x16\7")
    return folder
