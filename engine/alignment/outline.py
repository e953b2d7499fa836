"""The outline of a posed mesh against that of M, ray by ray in a window around M."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.contracts.cameras import Intrinsics

Array = NDArray[np.float64]

# The window is M's box with this share of it added on every side.
MARGIN = 0.5

# Unit of outline residuals, as a share of √(area of M).
OUTLINE_SHARE = 0.01


class Window:
    """The rays through the neighbourhood of M, with M's outline as seen by them."""

    def __init__(
        self, mask: NDArray[np.bool_], depth: NDArray[np.floating], intrinsics: Intrinsics, *, rays: int
    ) -> None:
        from scipy import ndimage

        rows, columns = np.nonzero(mask)
        self.box_low = np.array([columns.min(), rows.min()], dtype=np.float64)
        self.box_high = np.array([columns.max() + 1, rows.max() + 1], dtype=np.float64)
        margin = MARGIN * (self.box_high - self.box_low).max()
        low, high = self.box_low - margin, self.box_high + margin
        self._step = float((high - low).max() / rays)
        counts = np.maximum(1, np.ceil((high - low) / self._step)).astype(int)
        self._u = low[0] + (np.arange(counts[0]) + 0.5) * self._step
        self._v = low[1] + (np.arange(counts[1]) + 0.5) * self._step
        self._intrinsics = intrinsics
        self.rays = np.ones((counts[1], counts[0], 3))
        self.rays[..., 0] = ((self._u - intrinsics.cx) / intrinsics.fx)[None, :]
        self.rays[..., 1] = ((self._v - intrinsics.cy) / intrinsics.fy)[:, None]
        self.mask, self._scene_depth = self._sampled(mask, False), self._sampled(depth, np.nan)
        inside, outside = ndimage.distance_transform_edt(self.mask), ndimage.distance_transform_edt(~self.mask)
        self._signed_px = (np.maximum(outside - 0.5, 0) - np.maximum(inside - 0.5, 0)) * self._step
        self._slope_v, self._slope_u = np.gradient(ndimage.gaussian_filter(self._signed_px, 1.0), self._step)
        self._unit_px = max(self._step, OUTLINE_SHARE * float(np.sqrt(mask.sum())))
        self._edge = _edge(self.mask)

    def _sampled(self, image: NDArray[Any], beyond: Any) -> NDArray[Any]:
        """The image under the rays; `beyond` where they leave it."""
        height, width = image.shape
        columns, rows = np.floor(self._u).astype(int), np.floor(self._v).astype(int)
        inside = ((rows >= 0) & (rows < height))[:, None] & ((columns >= 0) & (columns < width))[None, :]
        taken: NDArray[Any] = image[np.clip(rows, 0, height - 1)[:, None], np.clip(columns, 0, width - 1)[None, :]]
        return np.where(inside, taken, beyond)

    def outline_residuals(self, depth: Array, tolerance: float) -> Iterator[tuple[Array, Array, Array]]:
        """Yield (surface points, directions that shrink it, residual) of both outlines against each other.

        Mesh beside M that an occluder hides is no error: there the scene lies before the surface.
        """
        from scipy import spatial

        hit = np.isfinite(depth)
        rows, columns = np.nonzero(_edge(hit))
        if not len(rows):
            return
        z = depth[rows, columns]
        surface = self.rays[rows, columns] * z[:, None]
        with np.errstate(invalid="ignore"):
            hidden = (self._signed_px[rows, columns] > 0) & (self._scene_depth[rows, columns] < z - tolerance)
        free = ~hidden
        slope = np.stack([self._slope_u[rows, columns], self._slope_v[rows, columns]], axis=1)
        yield (
            surface[free],
            self._lifted(surface[free], -slope[free]),
            self._signed_px[rows, columns][free] / self._unit_px,
        )
        edge_rows, edge_columns = np.nonzero(self._edge)
        outline_px = np.stack([self._u[columns], self._v[rows]], axis=1)
        edge_px = np.stack([self._u[edge_columns], self._v[edge_rows]], axis=1)
        _, nearest = spatial.cKDTree(outline_px).query(edge_px)
        outward = np.stack([self._slope_u[edge_rows, edge_columns], self._slope_v[edge_rows, edge_columns]], axis=1)
        gap_px = ((edge_px - outline_px[nearest]) * outward).sum(axis=1)
        yield surface[nearest], self._lifted(surface[nearest], outward), gap_px / self._unit_px

    def _lifted(self, surface: Array, direction_px: Array) -> Array:
        """The gradient in space of moving the projection of (n, 3) points along (n, 2) directions, in outline units."""
        x, y, z = surface.T
        along_x = direction_px[:, 0] * self._intrinsics.fx / z
        along_y = direction_px[:, 1] * self._intrinsics.fy / z
        lifted: Array = np.stack([along_x, along_y, -(along_x * x + along_y * y) / z], axis=1) / self._unit_px
        return lifted


def _edge(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels of a region that have a neighbour outside of it."""
    padded = np.pad(region, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    outermost: NDArray[np.bool_] = region & ~inner
    return outermost
