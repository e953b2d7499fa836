"""Stage 3, judged twice: the same mesh in the same scene, how far two poses agree, and back to the start."""

from typing import Any

from django.db.models import Exists, OuterRef
from django.utils import timezone

from engine.alignment.models import Alignment
from engine.alignment.pose_agreement import PosedMesh
from engine.contracts.glb import read_glb, triangles
from engine.contracts.poses import Pose
from engine.contracts.serialisation import from_json
from engine.lifecycle import Move
from engine.sourcing.services import move_target
from engine.storage.services import read_blob
from engine.workforce.models import Judgement, User, WorkItem
from engine.workforce.second_look import Agreement, NothingToCompare, NotTakenBack, OpenItem, SecondLook


def ask_again(*, reference: WorkItem, work_item: WorkItem) -> None:
    """Show the same scene, tolerance and first pose; the task is ready at once.

    Raises:
        NothingToCompare: nobody submitted it.
    """
    known = Alignment.objects.filter(work_item=reference, submitted_at__isnull=False).first()
    if known is None:
        raise NothingToCompare("This alignment was not submitted yet.", work_item=str(reference.id))
    _same_scene(known, work_item=work_item)


def compare(item: WorkItem, reference: WorkItem) -> Agreement:
    """Two poses agree by ADD-S@0.1, modulo the symmetries of the mesh; two people who gave none agree as well."""
    both = Alignment.objects.select_related("candidate__mesh").in_bulk([item.id, reference.id])
    one, other = both[item.id], both[reference.id]
    posed = [alignment.pose is not None for alignment in (one, other)]
    if not all(posed):
        same_reason = one.not_alignable == other.not_alignable
        return Agreement(
            agrees=not any(posed),
            measures={"both_posed": False, "same_reason": None if any(posed) else same_reason},
        )
    mesh = PosedMesh(*triangles(read_glb(read_blob(blob=one.candidate.mesh))))
    measured = mesh.compare(from_json(Pose, one.pose), from_json(Pose, other.pose))
    return Agreement(
        agrees=measured.agrees,
        measures={
            "both_posed": True,
            "add_s": measured.add_s,
            "rotation_degrees": measured.rotation_degrees,
            "translation_over_diameter": measured.translation_over_diameter,
            "scale_ratio": measured.scale_ratio,
        },
    )


def take_back(*, judgement: Judgement, actor: User, by_others: bool, open_item: OpenItem) -> WorkItem:
    """Want the pose of the same shape again, in the same scene.

    Raises:
        NotTakenBack: it was posed again since.
        InvalidMove: the target is not done.
    """
    since = Alignment.objects.counting().filter(
        target_id=OuterRef("target_id"), submitted_at__gt=OuterRef("submitted_at")
    )
    known: Any = Alignment.objects.annotate(judged_since=Exists(since)).get(work_item_id=judgement.pk)
    if known.judged_since:
        raise NotTakenBack("The target was posed again since.", what_to_do="Look at the newer judgement.")
    move_target(target_id=known.target_id, move=Move.POSE_AGAIN, actor=actor, work_item=str(judgement.pk))
    item = open_item(subject_id=known.target_id)
    _same_scene(known, work_item=item)
    return item


def _same_scene(known: Alignment, *, work_item: WorkItem) -> None:
    Alignment.objects.create(
        work_item=work_item,
        target_id=known.target_id,
        candidate_id=known.candidate_id,
        point_map_id=known.point_map_id,
        point_cloud_id=known.point_cloud_id,
        ground_plane=known.ground_plane,
        initial_pose=known.initial_pose,
        initial_pose_source=known.initial_pose_source,
        inlier_tolerance=known.inlier_tolerance,
        prepared_at=timezone.now(),
    )


SECOND_LOOK = SecondLook(ask_again=ask_again, compare=compare, take_back=take_back)
