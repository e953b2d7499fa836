"""Closed surfaces from silhouettes. Grid frame: x right, y up, z towards the viewer, in units of the longest side.

The surface is the zero level of f(x, y, z) = T² · h(x, y) - z², where h is positive inside the silhouette:

- `pillow`: ∇²h = -4 inside, h = 0 on the outline. Over a disc √h is a half sphere; over any outline it is round at the
  rim and thick where the outline is wide.
- `turned`: h(x, y) = (x - l)(r - x) between the left and right ends l, r of a row. Cross-sections are ellipses, as of
  things made on a lathe; tops and bottoms stay flat.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve
from skimage import measure

Profile = Literal["pillow", "turned"]

OUTLINE_PX = 160  # longest side of the silhouette on the grid of the outline
VOLUME_PX = 72  # longest side on the grid of the volume
MARGIN_PX = 6
_SMOOTHING_PX: dict[Profile, tuple[float, float]] = {"pillow": (1.5, 1.5), "turned": (3.0, 1.5)}  # along y, along x
_SMALLEST_PART = 0.02


@dataclass(frozen=True)
class Outline:
    """A silhouette on a grid: `mask` (rows, columns) with a margin; pixel (r, c) of the grid lies at image pixel
    (`top` + (r + 0.5) · `step`, `left` + (c + 0.5) · `step`).
    """

    mask: NDArray[np.bool_]
    left: float
    top: float
    step: float


def outline_of(mask: NDArray[np.bool_]) -> Outline:
    """Resample a mask, without its specks, so that its longest side has OUTLINE_PX pixels."""
    mask = _without_specks(mask)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    step = max(bottom - top, right - left) / OUTLINE_PX
    height = int(np.ceil((bottom - top) / step)) + 2 * MARGIN_PX
    width = int(np.ceil((right - left) / step)) + 2 * MARGIN_PX
    origin_y = (top + bottom) / 2 - height * step / 2
    origin_x = (left + right) / 2 - width * step / 2
    # Blurred before it is sampled and cut at one half: pixels of the photograph leave no staircase.
    soft = ndimage.gaussian_filter(mask.astype(np.float32), max(0.7, 0.6 * step))
    grid_y = origin_y + (np.arange(height) + 0.5) * step - 0.5
    grid_x = origin_x + (np.arange(width) + 0.5) * step - 0.5
    yy, xx = np.meshgrid(grid_y, grid_x, indexing="ij")
    sampled = ndimage.map_coordinates(soft, [yy, xx], order=1, mode="constant")
    return Outline(sampled > min(0.5, 0.5 * float(sampled.max())), float(origin_x), float(origin_y), float(step))


def symmetry_axis(mask: NDArray[np.bool_]) -> tuple[float, float]:
    """Find the vertical axis about which the mask is most like its mirror image.

    Returns the axis (in pixels, between columns c and c + 1 it is c + 1) and the IoU of mask and mirror image.
    """
    columns = np.flatnonzero(mask.any(axis=0))
    centre = (columns[0] + columns[-1] + 1) / 2
    reach = max(1, (columns[-1] - columns[0] + 1) // 6)
    best = (centre, -1.0)
    for half_pixels in range(round(2 * (centre - reach)), round(2 * (centre + reach)) + 1):
        mirrored = mirror(mask, half_pixels / 2)
        iou = float((mask & mirrored).sum() / (mask | mirrored).sum())
        if iou > best[1]:
            best = (half_pixels / 2, iou)
    return best


def mirror(values: NDArray[np.bool_], axis: float) -> NDArray[np.bool_]:
    """Mirror columns about `axis`; what falls off the grid is lost, what comes in is empty."""
    source = np.round(2 * axis - 1 - np.arange(values.shape[1])).astype(int)
    inside = (source >= 0) & (source < values.shape[1])
    mirrored = np.zeros_like(values)
    mirrored[:, inside] = values[:, source[inside]]
    return mirrored


def completed(outline: Outline, axis: float) -> Outline:
    """The outline joined with its mirror image, on a grid that holds both."""
    padding = outline.mask.shape[1] // 3 + 1  # the axis lies in the middle third
    wide = np.pad(outline.mask, ((0, 0), (padding, padding)))
    joined = wide | mirror(wide, axis + padding)
    return Outline(joined, outline.left - padding * outline.step, outline.top, outline.step)


def height_field(mask: NDArray[np.bool_], profile: Profile) -> NDArray[np.float64]:
    """Return h in squared pixels: positive inside the mask, falling off outside, with a smooth zero line."""
    inside = _pillow(mask) if profile == "pillow" else _turned(mask)
    distance_in = ndimage.distance_transform_edt(mask)
    distance_out = ndimage.distance_transform_edt(~mask)
    rim = (distance_in > 0) & (distance_in <= 1.5)
    slope = float(np.median(inside[rim])) if rim.any() else 1.0
    # Pixel centres lie half a pixel from the outline on both sides.
    field = np.where(mask, inside, -2 * slope * (distance_out - 0.5))
    # Thin outlines bear less smoothing before they vanish.
    along_y, along_x = (min(sigma, 0.4 * float(distance_in.max())) for sigma in _SMOOTHING_PX[profile])
    return np.asarray(ndimage.gaussian_filter(field, (along_y, along_x)))


def inflate(field: NDArray[np.float64], *, thickness: float, roundness: float = 1.0) -> trimesh.Trimesh:
    """Turn a height field into a closed mesh; x and y in pixels of the field (y up), z in the same unit.

    `thickness` is T; a `roundness` below 1 makes the front flatter and the rim steeper.
    """
    coarse = ndimage.zoom(field, VOLUME_PX / OUTLINE_PX, order=1, grid_mode=True, mode="nearest")
    if coarse.max() <= 0:  # too thin for the coarser grid
        coarse = field
    scale_y, scale_x = field.shape[0] / coarse.shape[0], field.shape[1] / coarse.shape[1]
    peak = max(float(coarse.max()), 1e-6)
    if roundness != 1.0:
        coarse = np.sign(coarse) * peak * (np.abs(coarse) / peak) ** roundness
    reach = thickness * np.sqrt(peak)
    layers = max(8, int(np.ceil(reach / scale_x)) + 3)
    z = np.arange(-layers, layers + 1) * (reach / (layers - 2))
    volume = thickness**2 * coarse[:, :, None] - (z**2)[None, None, :]
    vertices, faces, _, _ = measure.marching_cubes(volume, 0.0)
    points = np.column_stack(
        [
            (vertices[:, 1] + 0.5) * scale_x,
            -(vertices[:, 0] + 0.5) * scale_y,
            np.interp(vertices[:, 2], np.arange(len(z)), z),
        ]
    )
    mesh = trimesh.Trimesh(points, faces, process=False)
    trimesh.smoothing.filter_taubin(mesh, lamb=0.5, nu=0.53, iterations=8)
    if mesh.volume < 0:
        mesh.invert()
    return mesh


def _without_specks(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, count = ndimage.label(mask)
    if count <= 1:
        return mask
    sizes = ndimage.sum_labels(mask, labels, np.arange(1, count + 1))
    kept = 1 + np.flatnonzero(sizes >= _SMALLEST_PART * sizes.max())
    return np.isin(labels, kept)


def _pillow(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Solve ∇²h = -4 on the mask with h = 0 on the pixels around it."""
    index = -np.ones(mask.shape, dtype=np.int64)
    count = int(mask.sum())
    index[mask] = np.arange(count)
    rows, columns = [], []
    for axis in (0, 1):
        for shift in (-1, 1):
            neighbour = np.roll(index, shift, axis=axis)  # the margin keeps the mask off the border
            linked = mask & (neighbour >= 0)
            rows.append(index[linked])
            columns.append(neighbour[linked])
    row, column = np.concatenate(rows), np.concatenate(columns)
    laplacian = sparse.coo_matrix((-np.ones(len(row)), (row, column)), shape=(count, count)).tocsc()
    laplacian += sparse.identity(count, format="csc") * 4.0
    field = np.zeros(mask.shape)
    field[mask] = spsolve(laplacian, np.full(count, 4.0))
    return field


def _turned(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(x - l)(r - x) on every run of pixels of every row."""
    padded = np.pad(mask, ((0, 0), (1, 1)))
    steps = np.diff(padded.astype(np.int8), axis=1)
    field = np.zeros(mask.shape)
    for row, (starts, ends) in enumerate(zip(steps == 1, steps == -1, strict=True)):
        for start, end in zip(np.flatnonzero(starts), np.flatnonzero(ends), strict=True):
            x = np.arange(start, end) + 0.5
            field[row, start:end] = (x - start) * (end - x)
    return field
