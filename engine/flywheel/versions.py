"""Model versions: their birth from a finished run, their lineage, and which one is promoted."""

import math
from collections.abc import Mapping
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from engine.contracts.generation import ModelRef
from engine.errors import Conflict, NotFound
from engine.flywheel.models import ModelVersion
from engine.storage.services import blob_ref
from engine.workforce.models import User
from engine.workforce.services import audit


class NoSuchModelVersion(NotFound):
    """There is no model version of this id."""

    code = "no_such_model_version"


class PromotionRaced(Conflict):
    """Another version was promoted at the same moment; nothing was changed."""

    code = "promotion_raced"


# A lineage grows with every iteration; it is read in one query however long it is.
ANCESTORS = """
WITH RECURSIVE line AS (
    SELECT version.*, 1 AS generations FROM flywheel_modelversion AS version WHERE version.id = %(parent)s
    UNION ALL
    SELECT version.*, line.generations + 1
    FROM flywheel_modelversion AS version JOIN line ON version.id = line.parent_id
)
SELECT * FROM line ORDER BY generations DESC
"""


def ancestors_of(version: ModelVersion) -> list[ModelVersion]:
    """Parents and parents' parents, from the first checkpoint down."""
    return list(ModelVersion.objects.raw(ANCESTORS, {"parent": version.parent_id}))


def promoted_version() -> ModelVersion | None:
    """The version that generators sample from, if there is any yet."""
    return ModelVersion.objects.select_related("checkpoint").filter(promoted=True).first()


def model_ref(version: ModelVersion) -> ModelRef:
    """The version as workers and trainers know it."""
    return ModelRef(model_version_id=str(version.id), checkpoint=blob_ref(version.checkpoint))


def promote(*, model_version_id: UUID, actor: User | None, reason: str = "by hand") -> ModelVersion:
    """Make this version the promoted one, whatever is promoted now. Promoting it again changes nothing.

    Raises:
        NoSuchModelVersion: there is none of this id.
        PromotionRaced: somebody promoted another one at the same moment.
    """
    both = ModelVersion.objects.select_related("parent").filter(Q(id=model_version_id) | Q(promoted=True))
    found = {version.id: version for version in both}
    version = found.pop(model_version_id, None)
    if version is None:
        raise NoSuchModelVersion(f"There is no model version {model_version_id}.")
    if not version.promoted:
        incumbent = next(iter(found.values()), None)
        swap_promoted(incumbent=incumbent, version=version, actor=actor, reason=reason)
    return version


@transaction.atomic(savepoint=False)
def swap_promoted(*, incumbent: ModelVersion | None, version: ModelVersion, actor: User | None, reason: str) -> None:
    """Promote `version` in place of `incumbent`, if that is still the promoted one (compare-and-set).

    Raises:
        PromotionRaced: it is not.
    """
    if incumbent is not None:
        demoted = ModelVersion.objects.filter(id=incumbent.id, promoted=True).update(promoted=False)
        if not demoted:
            raise _raced()
        audit(
            actor=actor,
            subject_kind="model_version",
            subject_id=incumbent.id,
            verb="demote",
            from_state="promoted",
            name=incumbent.name,
        )
    now = timezone.now()
    try:
        with transaction.atomic():
            raised = ModelVersion.objects.filter(id=version.id, promoted=False).update(promoted=True, promoted_at=now)
    except IntegrityError as error:  # model_one_promoted
        raise _raced() from error
    if not raised:
        raise _raced()
    version.promoted, version.promoted_at = True, now
    audit(
        actor=actor,
        subject_kind="model_version",
        subject_id=version.id,
        verb="promote",
        to_state="promoted",
        name=version.name,
        reason=reason,
    )


def finite(metrics: Mapping[str, float]) -> dict[str, float | None]:
    """Metrics for a JSON column: what is not finite becomes null (JSON has no NaN)."""
    return {name: float(value) if math.isfinite(value) else None for name, value in metrics.items()}


def _raced() -> PromotionRaced:
    return PromotionRaced(
        "Another model version was promoted meanwhile.", what_to_do="Look at the promoted version and decide again."
    )
