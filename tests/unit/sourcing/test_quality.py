"""Measures of quality on images whose answer is known."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from engine.sourcing.quality import measure_quality


def noise(side: int = 64) -> np.ndarray:
    grey = np.random.default_rng(3).integers(0, 256, (side, side), dtype=np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)


def bits_apart(one: int, other: int) -> int:
    return ((one ^ other) & (2**64 - 1)).bit_count()


def test_a_flat_image_has_no_sharpness_and_no_contrast() -> None:
    quality = measure_quality(np.full((40, 60, 3), 51, dtype=np.uint8))
    assert (quality.sharpness, quality.contrast) == (0.0, pytest.approx(0.0, abs=1e-12))
    assert quality.brightness == pytest.approx(0.2)
    assert quality.perceptual_hash == 0


def test_contrast_of_black_and_white_halves_is_one_half() -> None:
    pixels = np.zeros((32, 32, 3), dtype=np.uint8)
    pixels[:, 16:] = 255
    quality = measure_quality(pixels)
    assert quality.contrast == pytest.approx(0.5)
    assert quality.brightness == pytest.approx(0.5)


def test_blurring_lowers_sharpness() -> None:
    sharp = noise()
    blurred = np.asarray(Image.fromarray(sharp).filter(ImageFilter.GaussianBlur(2)))
    assert measure_quality(blurred).sharpness < 0.1 * measure_quality(sharp).sharpness


def test_the_hash_of_a_ramp_has_every_bit_set_and_its_mirror_none() -> None:
    ramp = np.repeat(np.repeat(np.arange(0, 250, 2, dtype=np.uint8)[None, :, None], 60, axis=0), 3, axis=-1)
    assert measure_quality(ramp).perceptual_hash == -1  # 64 ones as a signed number
    assert measure_quality(ramp[:, ::-1].copy()).perceptual_hash == 0


def test_near_duplicates_differ_in_few_bits_and_other_images_in_many() -> None:
    smooth = np.asarray(Image.fromarray(noise(16)).resize((128, 96), Image.Resampling.BICUBIC))
    smaller = np.asarray(Image.fromarray(smooth).resize((96, 72)))
    brighter = np.clip(smooth.astype(int) + 12, 0, 255).astype(np.uint8)
    original = measure_quality(smooth).perceptual_hash
    assert bits_apart(original, measure_quality(smaller).perceptual_hash) <= 4
    assert bits_apart(original, measure_quality(brighter).perceptual_hash) <= 4
    assert bits_apart(original, measure_quality(smooth[::-1].copy()).perceptual_hash) > 12
