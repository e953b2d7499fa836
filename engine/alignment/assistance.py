"""Poses that Stage 3 proposes on request: "snap" and "try others". The person decides.

The web process asks a worker and waits; the worker fits (`engine.alignment.fitting`) and keeps its last tasks at hand.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from engine.alignment.fitting import Fit
from engine.alignment.initial_pose import CAMERA_UP
from engine.alignment.models import Alignment
from engine.alignment.scoring import Scores, score_pose
from engine.alignment.services import held, prepared_point_map
from engine.asking import ask
from engine.contracts.glb import read_glb, triangles
from engine.contracts.masks import decode_mask
from engine.contracts.point_maps import unpack_point_map
from engine.contracts.poses import Pose
from engine.contracts.serialisation import from_json, to_json
from engine.contracts.targets import PointMapSource
from engine.layouts import parse_pose
from engine.sourcing import services as sourcing
from engine.storage.services import read_blob
from engine.workforce.models import User

SNAP_TASK = "engine.alignment.tasks.assist_snap"
TRY_OTHERS_TASK = "engine.alignment.tasks.assist_try_others"

# Longer than any fit takes; whoever waits this long is better served by hand.
PATIENCE_SECONDS = 15.0

# A guessed point map says little: there the outline leads.
WEIGHT_OF_PRIOR_POINTS = 0.1

SCENES_AT_HAND = 4


@dataclass(frozen=True)
class Proposal:
    """A pose, and what the engine's scores say of it."""

    pose: Pose
    silhouette_iou: float
    inlier_share: float | None


def snap(*, user: User, work_item_id: UUID, pose: dict[str, Any]) -> Proposal:
    """Fit the mesh from `pose` on to M's points and outline; the same pose where nothing near it is better.

    Raises:
        NoSuchAlignment: the user does not hold it.
        InvalidPose: the pose does not put an object in front of the camera.
        NobodyAnswers: no worker did it in time.
    """
    return from_json(Proposal, _ask(SNAP_TASK, user=user, work_item_id=work_item_id, pose=pose))


def try_others(*, user: User, work_item_id: UUID, pose: dict[str, Any]) -> list[Proposal]:
    """Propose up to six poses that look different from `pose` and from each other, best first.

    Raises:
        NoSuchAlignment, InvalidPose, NobodyAnswers: as `snap`.
    """
    found = _ask(TRY_OTHERS_TASK, user=user, work_item_id=work_item_id, pose=pose)
    return [from_json(Proposal, one) for one in found]


def fit_snap(*, work_item_id: UUID, pose: Pose) -> Proposal:
    """What the worker does for `snap`."""
    scene = _scene(work_item_id)
    return scene.rated(scene.fit(pose).snap(pose))


def fit_others(*, work_item_id: UUID, pose: Pose) -> list[Proposal]:
    """What the worker does for `try_others`."""
    scene = _scene(work_item_id)
    fit = scene.fit(pose)
    return [scene.rated(other) for other in fit.others(pose, up=scene.up)]


def _ask(task: str, *, user: User, work_item_id: UUID, pose: dict[str, Any]) -> Any:
    alignment = held(user=user, work_item_id=work_item_id)
    checked = parse_pose(pose, intrinsics=sourcing.intrinsics_of(prepared_point_map(alignment)))
    return ask(task, timeout_seconds=PATIENCE_SECONDS, work_item_id=str(work_item_id), pose=to_json(checked))


class _Scene:
    """An alignment as the worker fits it: read once, kept for the next key press."""

    def __init__(self, alignment: Alignment) -> None:
        point_map = prepared_point_map(alignment)
        vertices_object, faces = triangles(read_glb(read_blob(blob=alignment.candidate.mesh)))
        self._parts: dict[str, Any] = {
            "vertices_object": vertices_object,
            "faces": faces,
            "mask": decode_mask(sourcing.mask_of(alignment.target)),
            "points_camera": unpack_point_map(read_blob(blob=point_map.blob)),
            "intrinsics": sourcing.intrinsics_of(point_map),
        }
        self._points_weight = WEIGHT_OF_PRIOR_POINTS if point_map.source == PointMapSource.PRIOR else 1.0
        self.up = tuple(alignment.ground_plane["normal"]) if alignment.ground_plane else CAMERA_UP
        self._fit: tuple[tuple[float, ...], Fit] | None = None

    def fit(self, pose: Pose) -> Fit:
        """The fit for this pose's proportions, which stay as they are."""
        x, y, z = pose.scale
        ratio = (x / max(pose.scale), y / max(pose.scale), z / max(pose.scale))
        if self._fit is None or self._fit[0] != ratio:
            self._fit = ratio, Fit(**self._parts, scale_ratio=ratio, points_weight=self._points_weight)
        return self._fit[1]

    def rated(self, pose: Pose) -> Proposal:
        """The pose with the scores that a submit would give it."""
        scores: Scores = score_pose(pose=pose, **self._parts)
        return Proposal(pose=pose, silhouette_iou=scores.silhouette_iou, inlier_share=scores.inlier_share)


@lru_cache(maxsize=SCENES_AT_HAND)
def _scene(work_item_id: UUID) -> _Scene:
    return _Scene(
        Alignment.objects.select_related("candidate__mesh", "target__image", "point_map__image", "point_map__blob").get(
            pk=work_item_id
        )
    )
