"""Refusing photographs before anybody is asked about them, reviewing that, and taking them in all the same.

Source: paper A.1 (low resolution, blur, low contrast, artefacts; nothing but background).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from engine.errors import NotFound, Unprocessable
from engine.sourcing.models import Image, ImageRefusal, RefusalReason
from engine.sourcing.quality import NEAR_BITS
from engine.sourcing.screening import Finding, Limits
from engine.sourcing.statements import REFUSE_IMAGE
from engine.workforce import services as workforce
from engine.workforce.models import User


class ImageFiltered(Unprocessable):
    """The photograph was refused by the filters."""

    code = "image_filtered"


class NotRefused(NotFound):
    """There is no refused image of this id."""

    code = "not_refused"


@dataclass(frozen=True)
class Twin:
    """A photograph of the same scene that is already there."""

    image_id: UUID
    different_bits: int


def limits() -> Limits:
    """The configured limits."""
    return Limits(**settings.LATHE_SCREENING)


def find_twin(*, image: Image) -> Twin | None:
    """The nearest duplicate of a photograph among those that were not refused, by the index on hashes."""
    bits = min(NEAR_BITS, int(limits().near_duplicate_bits))
    if bits <= 0:
        return None
    near = Image.objects.near_duplicates_of(image.perceptual_hash, bits=bits).exclude(id=image.id)
    found = near.exclude(screening=Image.Screening.REFUSED).first()
    return None if found is None else Twin(image_id=found.id, different_bits=vars(found)["different_bits"])


def record_refusals(*, image: Image, findings: Iterable[Finding] = (), twin: Twin | None = None) -> None:
    """Note why a new photograph is refused; nothing happens where nothing speaks against it."""
    rows = [
        ImageRefusal(image=image, reason=finding.reason, value=finding.value, limit=finding.limit)
        for finding in findings
    ]
    if twin is not None:
        rows.append(
            ImageRefusal(
                image=image,
                reason=RefusalReason.NEAR_DUPLICATE,
                value=twin.different_bits,
                limit=limits().near_duplicate_bits,
                twin_id=twin.image_id,
            )
        )
    if not rows:
        return
    with transaction.atomic():
        ImageRefusal.objects.bulk_create(rows, ignore_conflicts=True)
        _set_refused(image=image, reasons=[row.reason for row in rows])


def refuse_image(*, image: Image, reason: RefusalReason, note: str = "", actor: User | None = None) -> None:
    """Refuse a photograph that passed the filters: nothing salient was found in it, by a model or by a person."""
    with connection.cursor() as cursor:
        cursor.execute(
            REFUSE_IMAGE,
            {
                "image": image.id,
                "reason": reason.value,
                "note": note[:300],
                "actor": actor.pk if actor else None,
                "now": timezone.now(),
            },
        )
    image.screening = Image.Screening.REFUSED


def override_refusal(*, image_id: UUID, actor: User, note: str = "") -> Image:
    """Take in a refused photograph all the same; its refusals stay on record with who overrode them.

    Raises:
        NotRefused: there is no refused image of this id.
    """
    with transaction.atomic():
        image = Image.objects.select_for_update().filter(id=image_id, screening=Image.Screening.REFUSED).first()
        if image is None:
            raise NotRefused(f"There is no refused image {image_id}.", what_to_do="Look at the list of refused images.")
        image.screening = Image.Screening.OVERRIDDEN
        image.save(update_fields=["screening"])
        image.refusals.filter(overridden_at=None).update(overridden_at=timezone.now(), overridden_by=actor)
        workforce.audit(
            actor=actor,
            subject_kind="image",
            subject_id=image.id,
            verb="override_refusal",
            from_state=Image.Screening.REFUSED.value,
            to_state=Image.Screening.OVERRIDDEN.value,
            note=note,
        )
    return image


def check_not_refused(image: Image) -> None:
    """Nothing is proposed in a refused photograph.

    Raises:
        ImageFiltered: the filters refused it.
    """
    if image.screening == Image.Screening.REFUSED:
        reasons = ", ".join(image.refusals.values_list("reason", flat=True)) or "unknown"
        raise ImageFiltered(
            f"The photograph was refused: {reasons}.",
            what_to_do="An ML engineer can take it in all the same (override it).",
            image=str(image.id),
        )


def _set_refused(*, image: Image, reasons: Iterable[str]) -> None:
    moved = Image.objects.filter(id=image.id).exclude(screening=Image.Screening.REFUSED)
    before = image.screening
    if not moved.update(screening=Image.Screening.REFUSED):
        return
    image.screening = Image.Screening.REFUSED
    workforce.audit(
        actor=None,
        subject_kind="image",
        subject_id=image.id,
        verb="refuse",
        from_state=before,
        to_state=Image.Screening.REFUSED.value,
        reasons=[str(reason) for reason in reasons],
    )
