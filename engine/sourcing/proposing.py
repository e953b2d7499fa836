"""Photographs without a target: people are asked to find the salient object (paper A.1, human annotator input)."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from engine.sourcing.models import Image, MaskTask, TargetObject
from engine.sourcing.refusals import check_not_refused
from engine.sourcing.services import NEW_ITEM_BAND
from engine.workforce import services as workforce
from engine.workforce.models import Stage

BATCH = 200


def ask_people(*, image: Image, hint: str = "") -> MaskTask:
    """Want one object of a photograph to be marked from scratch; `hint` says what was recognised in it.

    Raises:
        ImageFiltered: the photograph was refused.
    """
    check_not_refused(image)
    with transaction.atomic():
        item = workforce.create_work_item(stage=Stage.MASK, subject_id=image.id, priority_band=NEW_ITEM_BAND)
        return MaskTask.objects.create(work_item=item, image=image, wants_proposal=True, hint=hint[:300])


def ask_people_about_untouched(*, now: datetime | None = None, limit: int = BATCH) -> int:
    """Ask about photographs that passed the filters and in which nobody and nothing has marked anything; how many.

    Importers and recognition get `LATHE_PROPOSE_AFTER_SECONDS` to bring targets first; 0 there asks nobody.
    """
    wait = timedelta(seconds=settings.LATHE_PROPOSE_AFTER_SECONDS)
    if not wait:
        return 0
    # `waiting` and `sent`: recognition may still find something.
    settled = [Image.Recognition.NONE, Image.Recognition.DONE, Image.Recognition.FAILED]
    untouched = (
        Image.objects.filter(created_at__lt=(now or timezone.now()) - wait, recognition__in=settled)
        .exclude(screening=Image.Screening.REFUSED)
        .filter(
            ~Exists(TargetObject.objects.filter(image_id=OuterRef("id"))),
            ~Exists(MaskTask.objects.filter(image_id=OuterRef("id"))),
        )
    )
    images = list(untouched.order_by("created_at")[:limit])
    for image in images:
        ask_people(image=image)
    return len(images)
