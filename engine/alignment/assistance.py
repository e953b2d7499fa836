"""Poses that Stage 3 proposes on request: "snap" and "try others". The person decides.

The web process asks a worker and waits; the worker fits (`engine.alignment.fitting`) and keeps its last tasks at hand.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from engine.alignment.fitting import Fit
from engine.alignment.initial_pose import CAMERA_UP
from engine.alignment.models import Alignment
from engine.alignment.scenes import alignment_with_scene, read_scene
from engine.alignment.services import held, prepared_point_map
from engine.asking import ask
from engine.contracts.poses import Pose
from engine.contracts.serialisation import from_json, to_json
from engine.contracts.targets import PointMapSource
from engine.layouts import parse_pose
from engine.sourcing import services as sourcing
from engine.workforce.models import User

SNAP_TASK = "engine.alignment.tasks.assist_snap"
TRY_OTHERS_TASK = "engine.alignment.tasks.assist_try_others"

# Longer than any fit takes; whoever waits this long is better served by hand.
PATIENCE_SECONDS = 15.0

# A guessed point map says little: there the outline leads.
WEIGHT_OF_PRIOR_POINTS = 0.1

# Of point maps, mostly: that of a photograph of 12 megapixels has 144 MB.
BYTES_AT_HAND = 320 * 2**20


@dataclass(frozen=True)
class Proposal:
    """A pose, and what the engine's scores say of it."""

    pose: Pose
    silhouette_iou: float
    inlier_share: float | None


@dataclass(frozen=True)
class Snapped(Proposal):
    """The fitted pose; `better_turned`: front to back the mesh would fit clearly better."""

    better_turned: bool


def snap(*, user: User, work_item_id: UUID, pose: dict[str, Any]) -> Snapped:
    """Fit the mesh from `pose` on to M's points and outline; the same pose where nothing near it is better.

    Raises:
        NoSuchAlignment: the user does not hold it.
        InvalidPose: the pose does not put an object in front of the camera.
        NobodyAnswers: no worker did it in time.
    """
    return from_json(Snapped, _ask(SNAP_TASK, user=user, work_item_id=work_item_id, pose=pose))


def try_others(*, user: User, work_item_id: UUID, pose: dict[str, Any]) -> list[Proposal]:
    """Propose up to six poses that look different from `pose` and from each other, best first.

    Raises:
        NoSuchAlignment, InvalidPose, NobodyAnswers: as `snap`.
    """
    found = _ask(TRY_OTHERS_TASK, user=user, work_item_id=work_item_id, pose=pose)
    return [from_json(Proposal, one) for one in found]


def fit_snap(*, work_item_id: UUID, pose: Pose) -> Snapped:
    """What the worker does for `snap`."""
    stand = _at_hand.take(work_item_id)
    fit = stand.fit(pose)
    snapped = fit.snap(pose)
    return Snapped(**vars(stand.rated(snapped)), better_turned=fit.fits_better_turned(snapped))


def fit_others(*, work_item_id: UUID, pose: Pose) -> list[Proposal]:
    """What the worker does for `try_others`."""
    stand = _at_hand.take(work_item_id)
    fit = stand.fit(pose)
    return [stand.rated(other) for other in fit.others(pose, up=stand.up)]


def _ask(task: str, *, user: User, work_item_id: UUID, pose: dict[str, Any]) -> Any:
    alignment = held(user=user, work_item_id=work_item_id)
    checked = parse_pose(pose, intrinsics=sourcing.intrinsics_of(prepared_point_map(alignment)))
    return ask(task, timeout_seconds=PATIENCE_SECONDS, work_item_id=str(work_item_id), pose=to_json(checked))


class _Stand:
    """An alignment as the worker fits it: read once, kept for the next key press."""

    def __init__(self, alignment: Alignment) -> None:
        point_map = prepared_point_map(alignment)
        self._scene = read_scene(alignment)
        self._points_weight = WEIGHT_OF_PRIOR_POINTS if point_map.source == PointMapSource.PRIOR else 1.0
        self.size_bytes = self._scene.size_bytes
        self.up = tuple(alignment.ground_plane["normal"]) if alignment.ground_plane else CAMERA_UP
        self._fit: tuple[tuple[float, float, float], Fit] | None = None

    def fit(self, pose: Pose) -> Fit:
        """The fit for this pose's proportions, which stay as they are."""
        x, y, z = pose.scale
        ratio = (x / max(pose.scale), y / max(pose.scale), z / max(pose.scale))
        if self._fit is None or self._fit[0] != ratio:
            self._fit = ratio, self._scene.fit(scale_ratio=ratio, points_weight=self._points_weight)
        return self._fit[1]

    def rated(self, pose: Pose) -> Proposal:
        """The pose with the scores that a submit would give it."""
        scores = self._scene.score(pose)
        return Proposal(pose=pose, silhouette_iou=scores.silhouette_iou, inlier_share=scores.inlier_share)


class AtHand:
    """The alignments that were asked about last, as many as fit into `most_bytes`, and always the last one."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._stands: OrderedDict[UUID, _Stand] = OrderedDict()

    def __len__(self) -> int:
        return len(self._stands)

    def take(self, work_item_id: UUID) -> _Stand:
        """The alignment, read if it is not at hand."""
        stand = self._stands.pop(work_item_id, None) or _Stand(alignment_with_scene(work_item_id))
        self._stands[work_item_id] = stand
        while len(self) > 1 and sum(one.size_bytes for one in self._stands.values()) > self._most_bytes:
            self._stands.popitem(last=False)
        return stand


_at_hand = AtHand(most_bytes=BYTES_AT_HAND)
