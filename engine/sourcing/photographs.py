"""Decoding photographs that nobody vouches for: allow-listed formats, limits before pixels, upright 8 bit RGB."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from engine.errors import Unprocessable

MAX_BYTES = 100_000_000
MAX_PIXELS = 64_000_000
MIN_SIDE_PX = 16
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")  # many cameras write MPO: JPEG with more frames
# What browsers and workers read as it is: these keep the original bytes when they are upright RGB already.
KEPT = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
LOSSY = {"JPEG", "MPO", "WEBP"}
EXIF_ORIENTATION = 0x0112
# A photograph with a longer side than this gets a preview of this size, which pages and segmenters open first.
PREVIEW_SIDE_PX = 2560
PREVIEW_MEDIA_TYPE = "image/jpeg"


class ImageRefused(Unprocessable):
    """The file is no photograph that the engine can take in."""

    code = "image_refused"


@dataclass(frozen=True)
class Photograph:
    """An upright photograph: `pixels` (height, width, 3) uint8 RGB, and the encoded `data` that is stored."""

    pixels: NDArray[np.uint8]
    data: bytes
    media_type: str

    @property
    def height_px(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width_px(self) -> int:
        return int(self.pixels.shape[1])


def decode_photograph(data: bytes) -> Photograph:
    """Decode a photograph, apply its EXIF orientation and bring it to 8 bit RGB.

    Upright RGB files in JPEG, PNG or WebP keep their bytes. Everything else (rotated, grey, palette, CMYK, 16 bit, with
    alpha, other formats) is encoded again: as JPEG where the source was lossy, else as PNG.

    Raises:
        ImageRefused: not an image, of another format, damaged, cut short, too large or too small.
    """
    if not data:
        raise ImageRefused("The file is empty.", what_to_do="Upload the photograph again.")
    if len(data) > MAX_BYTES:
        raise ImageRefused(
            f"The file has {len(data) / 1e6:.0f} MB; the limit is {MAX_BYTES / 1e6:.0f} MB.",
            what_to_do="Save it as JPEG or scale it down.",
        )
    image = _open(data)
    _check_size(image)
    rgb = _upright_rgb(image)
    pixels = np.asarray(rgb, dtype=np.uint8)
    if _can_keep(image):
        return Photograph(pixels=pixels, data=data, media_type=KEPT[str(image.format)])
    lossy = image.format in LOSSY
    return Photograph(pixels=pixels, data=_encode(rgb, lossy=lossy), media_type="image/jpeg" if lossy else "image/png")


def preview_of(pixels: NDArray[np.uint8]) -> bytes | None:
    """A smaller JPEG of a large (height, width, 3) uint8 RGB photograph; None where it is small enough itself."""
    if max(pixels.shape[:2]) <= PREVIEW_SIDE_PX:
        return None
    small = Image.fromarray(pixels)
    small.thumbnail((PREVIEW_SIDE_PX, PREVIEW_SIDE_PX), Image.Resampling.BOX, reducing_gap=2.0)
    return _encode(small, lossy=True)


def _open(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(str(error)) from error
    except Exception as error:  # a damaged header makes a decoder fail in any way
        raise ImageRefused(
            "The file is not a readable image.", what_to_do=f"Use one of {', '.join(FORMATS)}, undamaged."
        ) from error


def _check_size(image: Image.Image) -> None:
    """Refuse by the header alone, before a pixel is decoded."""
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(f"it claims {image.width}×{image.height} pixels")
    if min(image.size) < MIN_SIDE_PX:
        raise ImageRefused(
            f"The image is {image.width}×{image.height}; each side needs at least {MIN_SIDE_PX} pixels.",
            what_to_do="Use a larger photograph.",
        )


def _too_large(detail: str) -> ImageRefused:
    return ImageRefused(
        f"The image has more than {MAX_PIXELS:,} pixels ({detail}).",
        what_to_do="Scale it down; a small file that claims so many may be a decompression bomb.",
    )


def _upright_rgb(image: Image.Image) -> Image.Image:
    try:
        image.load()
        return _to_rgb(ImageOps.exif_transpose(image))
    except ImageRefused:
        raise
    except Exception as error:  # as above: damaged data makes a decoder fail in any way
        raise ImageRefused(
            f"The image is damaged or cut short ({error}).", what_to_do="Get the whole file again."
        ) from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I"):  # 16 bit grey, which Pillow would clip at 255
        grey = np.clip(np.asarray(image, dtype=np.int64), 0, 65535) // 257
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise ImageRefused("The image has floating-point pixels.", what_to_do="Save it with 8 or 16 bit per channel.")
    if image.has_transparency_data:
        cut_out = image.convert("RGBA")
        white = Image.new("RGBA", cut_out.size, "white")
        return Image.alpha_composite(white, cut_out).convert("RGB")
    return image.convert("RGB")


def _can_keep(image: Image.Image) -> bool:
    return (
        image.format in KEPT
        and image.mode == "RGB"
        and not image.has_transparency_data
        and image.getexif().get(EXIF_ORIENTATION, 1) == 1
        and getattr(image, "n_frames", 1) == 1
    )


def _encode(rgb: Image.Image, *, lossy: bool) -> bytes:
    buffer = io.BytesIO()
    bare = Image.frombytes("RGB", rgb.size, rgb.tobytes())  # without the metadata that was just applied
    if lossy:
        bare.save(buffer, format="JPEG", quality=95, subsampling=0)
    else:
        bare.save(buffer, format="PNG", optimize=False)
    return buffer.getvalue()
