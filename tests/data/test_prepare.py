import contextlib
import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from gansmith.data.prepare import CorruptImageError, decode, decoding, probe

Encode = Callable[..., io.BytesIO]


def corners(file: io.BytesIO, height: int = 40, width: int = 60) -> list[tuple[int, ...]]:
    """The colours near the four corners: above left, above right, below left, below right."""
    pixels, _ = decode(file, height=height, width=width, channels=3)
    assert pixels.shape == (height, width, 3)
    near, down, right = 3, height - 4, width - 4
    return [tuple(pixels[y, x].tolist()) for y in (near, down) for x in (near, right)]


RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_of_the_wanted_size_keeps_its_pixels(encoded: Encode, channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 20, channels), dtype=np.uint8)
    file = encoded(Image.fromarray(pixels[..., 0] if channels == 1 else pixels))
    got, header = decode(file, height=12, width=20, channels=channels)
    np.testing.assert_array_equal(got, pixels)
    assert header.traits == ()


@pytest.mark.analytic
@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        # What the EXIF standard says of the stored first row and first column, applied to the four quarters.
        (1, [RED, GREEN, BLUE, WHITE]),
        (2, [GREEN, RED, WHITE, BLUE]),
        (3, [WHITE, BLUE, GREEN, RED]),
        (4, [BLUE, WHITE, RED, GREEN]),
        (5, [RED, BLUE, GREEN, WHITE]),
        (6, [BLUE, RED, WHITE, GREEN]),
        (7, [WHITE, GREEN, BLUE, RED]),
        (8, [GREEN, WHITE, RED, BLUE]),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_exif_orientation_is_applied(
    encoded: Encode, quarters: Image.Image, orientation: int, expected: list[tuple[int, ...]], kind: str
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = encoded(quarters, kind, exif=exif)
    height, width = (60, 40) if orientation >= 5 else (40, 60)
    header = probe(file)
    assert (header.height, header.width) == (height, width)
    assert corners(file, height, width) == expected
    assert ("rotated by EXIF" in decode(file, height=8, width=8, channels=3)[1].traits) == (orientation > 1)


@pytest.mark.reference
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_reduced_while_decoding_is_like_a_whole_one(
    encoded: Encode, quarters: Image.Image, orientation: int
) -> None:
    photo = quarters.resize((1200, 800))
    exif = Image.Exif()
    exif[0x0112] = orientation
    got, _ = decode(encoded(photo, "JPEG", exif=exif, quality=95), height=32, width=32, channels=3)
    whole, _ = decode(encoded(photo, "PNG", exif=exif), height=32, width=32, channels=3)
    assert (
        np.abs(got.astype(int) - whole).mean() < 3
    )  # the JPEG is decoded at an eighth; an error in turning gives > 80


@pytest.mark.analytic
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(encoded: Encode, kind: str) -> None:
    # 65535 is white and the rest is linear: v / 257, rounded. Clipping would turn all but the first two into 255.
    values = np.array([[0, 257, 32896, 65535], [128, 129, 25700, 65407]], np.uint16)
    got, header = decode(encoded(Image.fromarray(values), kind), height=2, width=4, channels=1)
    assert got[..., 0].tolist() == [[0, 1, 128, 255], [0, 1, 100, 255]]
    assert header.traits == ("16-bit",)
    assert header.grey


def test_sixteen_bit_colour_is_noticed_and_keeps_its_range() -> None:
    # Pillow cannot write such a file: 2×1 pixels, black and white, three big-endian 16-bit numbers each.
    row = b"\0" + bytes(6) + b"\xff" * 6
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)), (b"IDAT", zlib.compress(row)), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    got, header = decode(io.BytesIO(data), height=1, width=2, channels=3)
    assert got.ravel().tolist() == [0, 0, 0, 255, 255, 255]
    assert header.traits == ("16-bit",)


@pytest.mark.parametrize(("values", "expected"), [([0.0, 0.5, 1.0], [0, 128, 255]), ([0.0, 7.0, 255.0], [0, 7, 255])])
def test_floating_point_tiff(encoded: Encode, values: list[float], expected: list[int]) -> None:
    file = encoded(Image.fromarray(np.array([values], np.float32)), "TIFF")
    assert decode(file, height=1, width=3, channels=1)[0].ravel().tolist() == expected


def test_numbers_without_a_known_white_are_refused(encoded: Encode) -> None:
    file = encoded(Image.fromarray(np.array([[-5.0, 2.0]], np.float32)), "TIFF")
    with pytest.raises(CorruptImageError, match="from -5 to 2"):
        decode(file, height=1, width=2, channels=1)


@pytest.mark.analytic
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_put_on_white(encoded: Encode, mode: str) -> None:
    # Over white, colour c with opacity a shows 255 + (c − 255)·a: black at 0, 1/3 and 1 gives 255, 170 and 0.
    pixels = np.zeros((1, 3, len(mode)), np.uint8)
    pixels[0, :, -1] = [0, 85, 255]
    got, header = decode(encoded(Image.fromarray(pixels)), height=1, width=3, channels=1)
    assert got.ravel().tolist() == [255, 170, 0]
    assert header.traits == ("transparency",)
    assert header.grey == (mode == "LA")


@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_a_single_transparent_colour_becomes_white(encoded: Encode, mode: str) -> None:
    colour: object = (0, 0, 0) if mode == "RGB" else 0
    file = encoded(Image.new(mode, (4, 4), 0), transparency=colour)
    assert decode(file, height=4, width=4, channels=3)[0].min() == 255


def test_palette_colours_come_through(encoded: Encode, quarters: Image.Image) -> None:
    file = encoded(quarters.quantize(4))
    assert corners(file) == [RED, GREEN, BLUE, WHITE]
    header = probe(file)
    assert header.traits == ("palette",)
    assert not header.grey


def test_a_palette_of_greys_is_grey(encoded: Encode) -> None:
    assert probe(encoded(Image.new("L", (4, 4), 9).convert("P"))).grey


def test_cmyk_becomes_rgb(encoded: Encode) -> None:
    # No ink is white, full black ink is black, cyan ink alone takes away red.
    inks = np.zeros((8, 24, 4), np.uint8)
    inks[:, 8:16, 3], inks[:, 16:, 0] = 255, 255
    file = encoded(Image.frombytes("CMYK", (24, 8), inks.tobytes()), "TIFF")
    got, header = decode(file, height=8, width=24, channels=3)
    assert [got[4, x].tolist() for x in (3, 12, 20)] == [[255, 255, 255], [0, 0, 0], [0, 255, 255]]
    assert header.traits == ("CMYK",)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_the_first_frame_of_an_animation_is_taken(encoded: Encode, kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("white", "black", "red")]
    options = {"lossless": True} if kind == "WEBP" else {}
    file = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    got, header = decode(file, height=8, width=8, channels=3)
    assert got.min() == 255
    assert "animated" in header.traits


def test_one_bit_images(encoded: Encode) -> None:
    got, header = decode(encoded(Image.new("1", (8, 8), 1)), height=8, width=8, channels=3)
    assert got.min() == 255
    assert header.grey


@pytest.mark.analytic
@pytest.mark.parametrize(("height", "width"), [(20, 20), (40, 20), (20, 60)])
def test_the_centre_is_cropped_to_the_wanted_aspect(encoded: Encode, height: int, width: int) -> None:
    # A bright band outside the largest centred box of that aspect must be gone; inside everything is dark.
    scale = min(40 / height, 60 / width)
    box_height, box_width = int(height * scale), int(width * scale)
    pixels = np.full((40, 60), 255, np.uint8)
    top, left = (40 - box_height) // 2, (60 - box_width) // 2
    pixels[top : top + box_height, left : left + box_width] = 10
    got, _ = decode(encoded(Image.fromarray(pixels)), height=height, width=width, channels=1)
    assert got.shape == (height, width, 1)
    assert got[1:-1, 1:-1].mean() == pytest.approx(10, abs=0.5)  # the filter's support may just touch the band
    assert got.max() < 30


@pytest.mark.reference
def test_resizing_is_lanczos(encoded: Encode) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    expected = np.asarray(noise.resize((16, 16), Image.Resampling.LANCZOS)).astype(int)
    got, _ = decode(encoded(noise), height=16, width=16, channels=3)
    assert np.abs(got - expected).max() <= 2  # a first reduction by a whole factor may move the last digit


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "empty file"), (b"Dear reader", "not an image"), (b"\x89PNG\r\n\x1a\n", ".")],
)
def test_files_that_are_no_images_give_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(CorruptImageError, match=reason):
        decode(io.BytesIO(data), height=4, width=4, channels=3)


@pytest.mark.parametrize(("kind", "share"), [("JPEG", 0.5), ("PNG", 0.5), ("GIF", 0.5), ("WEBP", 0.5), ("BMP", 0.9)])
def test_truncated_files_are_corrupt(encoded: Encode, kind: str, share: float) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    data = encoded(noise, kind).getvalue()
    with pytest.raises(CorruptImageError):
        decode(io.BytesIO(data[: int(len(data) * share)]), height=8, width=8, channels=3)


def test_damaged_bytes_never_raise_anything_else(encoded: Encode, quarters: Image.Image) -> None:
    random = np.random.default_rng(0)
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("PNG", "JPEG", "GIF", "TIFF", "WEBP"):
        whole = np.frombuffer(encoded(quarters, kind, exif=exif).getvalue(), np.uint8)
        for _ in range(60):
            data = whole.copy()
            data[random.integers(0, min(len(data), 200), 4)] = random.integers(0, 256, 4)
            with decoding(), contextlib.suppress(CorruptImageError):
                pixels, _ = decode(io.BytesIO(data.tobytes()), height=8, width=8, channels=3)
                assert pixels.shape == (8, 8, 3)
