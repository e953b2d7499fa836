"""Celery tasks of Stage 3."""

from typing import Any
from uuid import UUID

from celery import shared_task

from engine.alignment import assistance, services, texturing
from engine.contracts.poses import Pose
from engine.contracts.serialisation import from_json, to_json

TEXTURE_SECONDS = 5.0  # only shapes whose pose found no broker wait for it
OPEN_SECONDS = 5.0  # as above, for shapes that were accepted

BEAT_SCHEDULE = {
    "open-alignments": {"task": "engine.alignment.tasks.open_alignments", "schedule": OPEN_SECONDS},
    "ask-for-textures": {"task": "engine.alignment.tasks.ask_for_textures", "schedule": TEXTURE_SECONDS},
    "resend-unscored-alignments": {"task": "engine.alignment.tasks.resend_unscored", "schedule": 60.0},
    "resend-unprepared-alignments": {"task": "engine.alignment.tasks.resend_unprepared", "schedule": 20.0},
}


@shared_task(name="engine.alignment.tasks.open_alignments", expires=OPEN_SECONDS)
def open_alignments(**kwargs: Any) -> None:
    """Take up targets whose shape was accepted (`lifecycle.ON_ENTRY`)."""
    services.open_alignments()


@shared_task(name=services.PREPARE_TASK)
def prepare_alignment(*, work_item_id: str, **kwargs: Any) -> None:
    """Make everything that the page shows; then the task can be claimed."""
    from engine.alignment import preparation

    preparation.prepare(work_item_id=UUID(work_item_id))


@shared_task(name=services.SCORE_TASK)
def score_alignment(*, work_item_id: str, **kwargs: Any) -> None:
    """Score a submitted pose."""
    from engine.alignment import rescoring

    rescoring.score_alignment(work_item_id=UUID(work_item_id))


@shared_task(name="engine.alignment.tasks.resend_unscored", expires=60.0)
def resend_unscored(**kwargs: Any) -> int:
    """Look after poses whose scoring got lost."""
    from engine.alignment import rescoring

    return rescoring.resend_unscored()


@shared_task(name="engine.alignment.tasks.resend_unprepared", expires=20.0)
def resend_unprepared(**kwargs: Any) -> int:
    """Look after tasks whose preparation got lost."""
    from engine.alignment import preparation

    return preparation.resend_unprepared()


@shared_task(name=assistance.SNAP_TASK, ignore_result=False)
def assist_snap(*, work_item_id: str, pose: dict[str, Any], **kwargs: Any) -> Any:
    """Fit a pose for somebody who waits."""
    return to_json(assistance.fit_snap(work_item_id=UUID(work_item_id), pose=from_json(Pose, pose)))


@shared_task(name=assistance.TRY_OTHERS_TASK, ignore_result=False)
def assist_try_others(*, work_item_id: str, pose: dict[str, Any], **kwargs: Any) -> Any:
    """Find other poses for somebody who waits."""
    found = assistance.fit_others(work_item_id=UUID(work_item_id), pose=from_json(Pose, pose))
    return [to_json(proposal) for proposal in found]


@shared_task(name="engine.alignment.tasks.ask_for_textures", expires=TEXTURE_SECONDS)
def ask_for_textures(**kwargs: Any) -> None:
    """Take up targets whose shape was posed (`lifecycle.ON_ENTRY`)."""
    texturing.ask_for_textures()
