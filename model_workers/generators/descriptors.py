"""Descriptors of what an object looks like in one view, comparable between photographs and renderings."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

GRID = 16  # the silhouette is compared on GRID × GRID cells
CELLS = 4  # edges are counted in CELLS × CELLS cells
ORIENTATIONS = 6
HUES = 6

# Shape counts most: colours of photographs are those of their light.
WEIGHTS = {"silhouette": 0.5, "edges": 0.3, "colour": 0.2}
LENGTH = GRID * GRID + CELLS * CELLS * ORIENTATIONS + HUES + 3


def describe_view(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Describe the masked object: (LENGTH,) float32; the dot product of two descriptors is a similarity up to 1.

    Three unit vectors weighted by WEIGHTS: the silhouette fitted to a square with its aspect kept, orientations of the
    edges inside it, and a histogram of hues and tones.
    """
    crop, inside = _fitted(image, mask, side=64)
    silhouette = _shrunk(inside, GRID)
    parts = {
        "silhouette": (silhouette - silhouette.mean()).ravel(),
        "edges": _edges(crop, inside),
        "colour": _colours(image[mask]),
    }
    return np.concatenate([np.sqrt(WEIGHTS[name]) * _unit(parts[name]) for name in WEIGHTS]).astype(np.float32)


def mirrored(descriptor: NDArray[np.float32]) -> NDArray[np.float32]:
    """The descriptor of the same view seen in a mirror."""
    first, second = GRID * GRID, GRID * GRID + CELLS * CELLS * ORIENTATIONS
    silhouette = descriptor[:first].reshape(GRID, GRID)[:, ::-1]
    edges = descriptor[first:second].reshape(CELLS, CELLS, ORIENTATIONS)[:, ::-1]
    # Orientation k covers angles around k · π / ORIENTATIONS; a mirror turns θ to π - θ.
    edges = edges[:, :, (-np.arange(ORIENTATIONS)) % ORIENTATIONS]
    return np.concatenate([silhouette.ravel(), edges.ravel(), descriptor[second:]])


def _fitted(
    image: NDArray[np.uint8], mask: NDArray[np.bool_], *, side: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Grey crop and soft mask on side × side pixels; the longest side of the object's box fills the square."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    extent = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    step = extent / (side - 4)
    y = (rows[0] + rows[-1]) / 2 + (np.arange(side) - (side - 1) / 2) * step
    x = (columns[0] + columns[-1]) / 2 + (np.arange(side) - (side - 1) / 2) * step
    at = np.meshgrid(y, x, indexing="ij")
    blur = 0.5 * step if step > 1 else 0.0
    grey = ndimage.gaussian_filter(image.astype(np.float64).mean(axis=-1) / 255, blur)
    soft = ndimage.gaussian_filter(mask.astype(np.float64), blur)
    inside = ndimage.map_coordinates(soft, at, order=1, mode="constant")
    return ndimage.map_coordinates(grey, at, order=1, mode="nearest"), inside


def _shrunk(values: NDArray[np.float64], cells: int) -> NDArray[np.float64]:
    size = values.shape[0] // cells
    return np.asarray(values.reshape(cells, size, cells, size).mean(axis=(1, 3)))


def _edges(crop: NDArray[np.float64], inside: NDArray[np.float64]) -> NDArray[np.float64]:
    # Outline and inner edges together, contrast-free: the background is replaced by the object's mean.
    mean = float((crop * inside).sum() / max(inside.sum(), 1e-6))
    grey = np.where(inside > 0.5, crop, mean)
    gy, gx = ndimage.sobel(grey, axis=0), ndimage.sobel(grey, axis=1)
    strength = np.sqrt(np.hypot(gx, gy))
    bins = np.round(np.arctan2(gy, gx) % np.pi / np.pi * ORIENTATIONS).astype(int) % ORIENTATIONS
    size = crop.shape[0] // CELLS
    cell = (np.arange(crop.shape[0]) // size)[:, None] * CELLS + (np.arange(crop.shape[1]) // size)[None, :]
    counts = np.bincount((cell * ORIENTATIONS + bins).ravel(), strength.ravel(), CELLS * CELLS * ORIENTATIONS)
    return np.asarray(np.sqrt(counts))


def _colours(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Shares of hues among coloured pixels, and of dark, middle and light among grey ones."""
    value = rgb.astype(np.float64) / 255
    high, low = value.max(axis=1), value.min(axis=1)
    chroma = high - low
    red, green, blue = value.T
    safe = np.maximum(chroma, 1e-6)
    hue = np.select(
        [high == red, high == green], [(green - blue) / safe % 6, (blue - red) / safe + 2], (red - green) / safe + 4
    )
    histogram = np.bincount(hue.astype(int) % HUES, np.minimum(1.0, 3 * chroma), HUES)
    tones = np.bincount(np.minimum(2, (3 * high).astype(int)), np.maximum(0.0, 1 - 3 * chroma), 3)
    return np.asarray(np.sqrt(np.concatenate([histogram, tones])))


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9))
