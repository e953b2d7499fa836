"""What poses are fitted to and scored by: mesh, mask, points and camera of an alignment, read together."""

from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from engine.alignment.fitting import Fit
from engine.alignment.models import Alignment
from engine.alignment.scoring import Scores, score_pose
from engine.contracts.cameras import Intrinsics
from engine.contracts.glb import read_glb, triangles
from engine.contracts.masks import decode_mask
from engine.contracts.point_maps import unpack_point_map
from engine.contracts.poses import Pose
from engine.sourcing import services as sourcing
from engine.storage.services import read_blob


@dataclass(frozen=True)
class Scene:
    """The mesh of an alignment and what the photograph shows of its object.

    Attributes:
        vertices_object: (n, 3) in the object frame; `faces`: (m, 3) indices into them.
        mask: (height, width) M.
        points_camera: (height, width, 3) point map P in the camera frame, NaN where unknown.
        intrinsics: of the photograph at the size of the mask.
    """

    vertices_object: NDArray[np.floating]
    faces: NDArray[np.integer]
    mask: NDArray[np.bool_]
    points_camera: NDArray[np.floating]
    intrinsics: Intrinsics

    @property
    def size_bytes(self) -> int:
        """Memory that its arrays hold."""
        return sum(part.nbytes for part in (self.vertices_object, self.faces, self.mask, self.points_camera))

    def score(self, pose: Pose) -> Scores:
        """The scores of the mesh at `pose`, in a process that may import open3d."""
        return score_pose(pose=pose, **vars(self))

    def fit(self, *, scale_ratio: tuple[float, float, float], points_weight: float) -> Fit:
        """Ready for many poses of these proportions, in a process that may import open3d."""
        return Fit(scale_ratio=scale_ratio, points_weight=points_weight, **vars(self))


def alignment_with_scene(work_item_id: UUID) -> Alignment:
    """The alignment with everything that `read_scene` reads, in one query."""
    return Alignment.objects.select_related(
        "candidate__mesh", "target__image", "point_map__image", "point_map__blob"
    ).get(pk=work_item_id)


def read_scene(alignment: Alignment) -> Scene:
    """Read what a prepared alignment is about.

    Raises:
        RuntimeError: it was never prepared.
    """
    point_map = alignment.point_map
    if point_map is None:
        raise RuntimeError(f"the alignment {alignment.pk} has no point map: it was not prepared")
    vertices_object, faces = triangles(read_glb(read_blob(blob=alignment.candidate.mesh)))
    return Scene(
        vertices_object=vertices_object,
        faces=faces,
        mask=decode_mask(sourcing.mask_of(alignment.target)),
        points_camera=unpack_point_map(read_blob(blob=point_map.blob)),
        intrinsics=sourcing.intrinsics_of(point_map),
    )
