"""Second opinions on poses: the same mesh in the same scene is asked for again, and the two poses are compared.

As gold, the pose that is there counts as known; as overlap, two people count alike. Neither moves the target on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Avg, Count, Q
from django.utils import timezone

from engine.alignment.models import Alignment, PoseCheck
from engine.alignment.pose_agreement import ADD_S_BAR, PosedMesh
from engine.alignment.services import NoSuchAlignment
from engine.contracts.glb import read_glb, triangles
from engine.contracts.poses import Pose
from engine.contracts.serialisation import from_json
from engine.errors import Conflict
from engine.storage.services import read_blob
from engine.workforce import services as workforce
from engine.workforce.models import Judgement, Stage, WorkItem


class NothingToCompare(Conflict):
    """The alignment holds no pose that another one could be compared with."""

    code = "nothing_to_compare"


@dataclass(frozen=True)
class PersonAgreement:
    """How well one person's poses agree with known ones or with colleagues'."""

    username: str
    purpose: str
    poses: int
    agreeing: int
    mean_add_s: float
    mean_rotation_degrees: float
    mean_translation_over_diameter: float


@transaction.atomic
def ask_again(*, work_item_id: UUID, purpose: str) -> Alignment:
    """Want the pose of a submitted alignment once more from somebody else: as `gold` or as `overlap`.

    The task is ready at once: it shows the same scene, tolerance and first pose.

    Raises:
        NoSuchAlignment: there is none of this id.
        NothingToCompare: it has no pose, or is a second opinion itself.
    """
    known = Alignment.objects.select_related("work_item").filter(pk=work_item_id).first()
    if known is None:
        raise NoSuchAlignment(f"There is no alignment {work_item_id}.")
    if known.pose is None or known.reference_id is not None:
        raise NothingToCompare(
            "This alignment cannot be a reference: it has no pose, or is a second opinion itself.",
            what_to_do="Choose an alignment that was submitted with a pose.",
            work_item=str(work_item_id),
        )
    item = workforce.create_work_item(
        stage=Stage.ALIGNMENT,
        subject_id=known.target_id,
        purpose=WorkItem.Purpose(purpose),
        barred_user_ids=Judgement.objects.filter(
            work_item__subject_id=known.target_id, work_item__stage=Stage.ALIGNMENT
        ).values_list("user_id", flat=True),
    )
    return Alignment.objects.create(
        work_item=item,
        target_id=known.target_id,
        candidate_id=known.candidate_id,
        reference=known,
        point_map_id=known.point_map_id,
        point_cloud_id=known.point_cloud_id,
        ground_plane=known.ground_plane,
        initial_pose=known.initial_pose,
        initial_pose_source=known.initial_pose_source,
        inlier_tolerance=known.inlier_tolerance,
        prepared_at=timezone.now(),
    )


def compare_with_reference(*, alignment: Alignment) -> PoseCheck | None:
    """Compare a submitted second opinion with its reference, once; None where there is nothing to compare."""
    if alignment.reference is None or alignment.pose is None or alignment.reference.pose is None:
        return None
    mesh = PosedMesh(*triangles(read_glb(read_blob(blob=alignment.candidate.mesh))))
    measured = mesh.compare(from_json(Pose, alignment.pose), from_json(Pose, alignment.reference.pose))
    check, _ = PoseCheck.objects.update_or_create(
        alignment=alignment,
        defaults={
            "reference": alignment.reference,
            "add_s": measured.add_s,
            "rotation_degrees": measured.rotation_degrees,
            "translation_over_diameter": measured.translation_over_diameter,
            "scale_ratio": measured.scale_ratio,
        },
    )
    return check


def agreement_by_person() -> list[PersonAgreement]:
    """How each person's second opinions agree, gold and overlap apart."""
    person, purpose = "alignment__work_item__judgement__user__username", "alignment__work_item__purpose"
    rows: Iterable[Any] = (
        PoseCheck.objects.values_list(person, purpose)
        .annotate(
            poses=Count("pk"),
            agreeing=Count("pk", filter=Q(add_s__lt=ADD_S_BAR)),
            mean_add_s=Avg("add_s"),
            mean_rotation_degrees=Avg("rotation_degrees"),
            mean_translation_over_diameter=Avg("translation_over_diameter"),
        )
        .order_by(person, purpose)
    )
    return [PersonAgreement(*row) for row in rows]
