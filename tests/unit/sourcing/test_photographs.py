"""Whatever file comes, it becomes an upright RGB photograph or a refusal that says why."""

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.sourcing.photographs import MAX_PIXELS, ImageRefused, decode_photograph

GRADIENT = np.stack(np.meshgrid(np.arange(40) * 6, np.arange(30) * 8, indexing="xy"), axis=-1)
RGB = np.dstack([GRADIENT, np.full((30, 40), 77)]).astype(np.uint8)


def encoded(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, **{"format": "PNG"} | options)
    return buffer.getvalue()


@pytest.mark.parametrize("format_name", ["PNG", "JPEG", "WEBP"])
def test_an_upright_rgb_file_keeps_its_bytes(format_name: str) -> None:
    data = encoded(Image.fromarray(RGB), format=format_name)
    photograph = decode_photograph(data)
    assert photograph.data == data
    assert photograph.media_type == f"image/{format_name.lower()}"
    assert photograph.pixels.shape == (30, 40, 3)


@pytest.mark.parametrize("format_name", ["TIFF", "BMP"])
def test_what_browsers_cannot_show_is_stored_as_png(format_name: str) -> None:
    photograph = decode_photograph(encoded(Image.fromarray(RGB), format=format_name))
    assert photograph.media_type == "image/png"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(photograph.data))), RGB)


def test_exif_orientation_is_applied_and_then_gone() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: shown a quarter turn clockwise
    photograph = decode_photograph(encoded(Image.fromarray(RGB), format="JPEG", quality=95, exif=exif))
    assert (photograph.width_px, photograph.height_px) == (30, 40)
    stored = Image.open(io.BytesIO(photograph.data))
    assert stored.size == (30, 40)
    assert 0x0112 not in stored.getexif()
    assert np.abs(photograph.pixels.astype(int) - np.rot90(RGB, -1).astype(int)).mean() < 4


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.fromarray(RGB[..., 0]), np.repeat(RGB[..., :1], 3, axis=-1)),
        (Image.fromarray(RGB[..., 0].astype(np.uint16) * 257), np.repeat(RGB[..., :1], 3, axis=-1)),
        (Image.fromarray(RGB).quantize(256), None),
        (Image.fromarray(RGB).convert("1"), None),
    ],
    ids=["grey", "16 bit grey", "palette", "one bit"],
)
def test_every_kind_of_pixel_becomes_8_bit_rgb(image: Image.Image, expected: np.ndarray | None) -> None:
    photograph = decode_photograph(encoded(image))
    wanted = np.asarray(image.convert("RGB")) if expected is None else expected
    assert photograph.media_type == "image/png"
    assert np.array_equal(photograph.pixels, wanted)
    assert Image.open(io.BytesIO(photograph.data)).mode == "RGB"


def test_16_bit_rgb_becomes_8_bit() -> None:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, RGB.astype(np.uint16) * 257, photometric="rgb")
    photograph = decode_photograph(buffer.getvalue())
    assert photograph.media_type == "image/png"
    assert np.array_equal(photograph.pixels, RGB)


def test_floating_point_pixels_are_refused() -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).random((30, 40)).astype(np.float32)).save(buffer, format="TIFF")
    with pytest.raises(ImageRefused, match="floating-point"):
        decode_photograph(buffer.getvalue())


def test_cmyk_becomes_rgb() -> None:
    photograph = decode_photograph(encoded(Image.fromarray(RGB).convert("CMYK"), format="JPEG", quality=95))
    assert photograph.media_type == "image/jpeg"
    assert np.abs(photograph.pixels.astype(int) - RGB.astype(int)).mean() < 8


def test_transparent_pixels_turn_white() -> None:
    alpha = np.full((30, 40), 255, np.uint8)
    alpha[:, :20] = 0
    photograph = decode_photograph(encoded(Image.fromarray(np.dstack([RGB, alpha]))))
    assert (photograph.pixels[:, :20] == 255).all()
    assert np.array_equal(photograph.pixels[:, 20:], RGB[:, 20:])


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(ImageRefused, match="empty"):
        decode_photograph(b"")


@pytest.mark.parametrize("data", [b"not an image at all", b"\x89PNG\r\n\x1a\n", b"GIF89a" + bytes(64)])
def test_what_is_no_photograph_is_refused(data: bytes) -> None:
    with pytest.raises(ImageRefused, match="not a readable image"):
        decode_photograph(data)


@pytest.mark.parametrize("format_name", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_truncated_photograph_is_refused(format_name: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), format=format_name)
    with pytest.raises(ImageRefused, match=r"damaged or cut short|not a readable image"):
        decode_photograph(data[: len(data) // 2])


def test_a_small_file_that_claims_a_huge_image_is_refused_by_its_header() -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1 << 16)))
        + chunk(b"IEND", b"")
    )
    with pytest.raises(ImageRefused, match=f"more than {MAX_PIXELS:,} pixels"):
        decode_photograph(bomb)


def test_an_image_just_over_the_limit_is_refused_without_decoding_it() -> None:
    side = int(MAX_PIXELS**0.5) + 1
    data = encoded(Image.new("1", (side, side)))
    with pytest.raises(ImageRefused, match="more than"):
        decode_photograph(data)


def test_a_tiny_image_is_refused() -> None:
    with pytest.raises(ImageRefused, match="at least 16 pixels"):
        decode_photograph(encoded(Image.fromarray(RGB[:8, :8])))


@settings(max_examples=60, deadline=None)
@given(
    position=st.integers(0, 5000),
    value=st.integers(0, 255),
    cut=st.integers(0, 5000),
    kind=st.sampled_from(["PNG", "JPEG", "TIFF"]),
)
def test_a_damaged_file_is_decoded_or_refused_and_nothing_else(position: int, value: int, cut: int, kind: str) -> None:
    data = bytearray(encoded(Image.fromarray(RGB), format=kind))
    data[position % len(data)] = value
    if cut < len(data):
        del data[cut:]
    try:
        photograph = decode_photograph(bytes(data))
    except ImageRefused:
        return
    assert photograph.pixels.dtype == np.uint8
    assert photograph.pixels.shape[2] == 3
