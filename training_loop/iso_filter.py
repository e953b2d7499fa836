"""Which single meshes are fit to learn shape from.

Source: paper B.1 (rules that drop overly simple geometry and structural outliers).
"""

from dataclasses import dataclass

import numpy as np
import trimesh
from numpy.typing import NDArray

SMALLEST_SHARE = 1e-3
FLATTEST_SHARE = 0.01
OUTLIER_AREA_SHARE = 0.01
OUTLIER_GROWTH = 2.0


@dataclass(frozen=True)
class Measured:
    """What the rules look at.

    `solid_share`: occupied share of the shape's own bounding cube. `normal_spread`: smallest eigenvalue of the
    area-weighted mean of n nᵀ over unit normals n, which is 0 for a sheet and 1/3 for a ball. `growth`: how many times
    longer the bounding box becomes by the outermost hundredth of the surface.
    """

    solid_share: float
    normal_spread: float
    growth: float


def measure(mesh: trimesh.Trimesh, occupancy: NDArray[np.bool_], *, samples: int = 4096) -> Measured:
    """Measure a mesh fitted to [-0.5, 0.5]³ and its (R, R, R) occupancy.

    Raises:
        ValueError: the mesh has no area, or vertices that are not finite.
    """
    corners = np.asarray(mesh.triangles, dtype=np.float64)
    crossed = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    doubled = np.linalg.norm(crossed, axis=1)
    total = doubled.sum()
    if not np.isfinite(total) or total <= 0:
        raise ValueError("the mesh has no area, or vertices that are not finite")
    scatter = np.einsum("ij,ik->jk", crossed, crossed / np.maximum(doubled, 1e-30)[:, None]) / total
    rng = np.random.default_rng(0)
    chosen = np.searchsorted(np.cumsum(doubled), rng.random(samples) * total, side="right").clip(max=len(corners) - 1)
    centres = corners[chosen].mean(axis=1)
    middle = np.median(centres, axis=0)
    # A fragment far away is a hundredth of the surface or less, yet decides how large the box is.
    distance = np.sort(np.abs(centres - middle).max(axis=1))
    reach = np.abs(corners.reshape(-1, 3) - middle).max()
    return Measured(
        solid_share=float(occupancy.mean()),
        normal_spread=float(np.linalg.eigvalsh(scatter)[0]),
        growth=float(reach / max(distance[int(samples * (1 - OUTLIER_AREA_SHARE))], 1e-9)),
    )


def rejection(measured: Measured) -> str | None:
    """Why a shape is dropped, or None where it is kept."""
    if measured.solid_share < SMALLEST_SHARE:
        return f"degenerate: {measured.solid_share:.2%} of its cube is solid"
    if measured.normal_spread < FLATTEST_SHARE:
        return f"sheet-like: its normals spread by {measured.normal_spread:.3f}"
    if measured.growth > OUTLIER_GROWTH:
        return f"outliers: the outermost hundredth of its surface makes it {measured.growth:.1f} times larger"
    return None
