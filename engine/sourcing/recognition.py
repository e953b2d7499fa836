"""New photographs are looked at by model workers before people are: what stands out is named and marked (paper A.1).

The image's own columns are the outbox: `waiting` is sent, `sent` is sent again when nobody answered for long, and an
answer counts once. Objects with a mask become proposals; photographs of mere background are refused; where something
was named and could not be marked, people are asked to mark it.
"""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from engine.contracts.masks import MaskError, decode_mask
from engine.contracts.recognition import RECOGNISE_TASK, RecognisedObject, RecogniseReply, RecogniseRequest
from engine.contracts.serialisation import to_json
from engine.errors import LatheError
from engine.sending import send_soon
from engine.sourcing.models import Image, RefusalReason
from engine.sourcing.proposing import ask_people
from engine.sourcing.refusals import refuse_image
from engine.sourcing.services import propose_target
from engine.storage.services import blob_ref

BATCH = 100
MOST_ATTEMPTS = 3
SILENCE = timedelta(minutes=15)  # longer than any photograph takes, queue included

log = structlog.get_logger(__name__)


def send_waiting(*, now: datetime | None = None) -> int:
    """Send photographs that nobody has looked at, and again those that got no answer; returns how many."""
    moment = now or timezone.now()
    due = Q(recognition=Image.Recognition.WAITING) | Q(
        recognition=Image.Recognition.SENT, recognition_sent_at__lt=moment - SILENCE
    )
    with transaction.atomic():
        images = list(
            Image.objects.filter(due)
            .exclude(screening=Image.Screening.REFUSED)
            .select_related("blob", "preview_blob")
            .select_for_update(of=("self",), skip_locked=True)
            .order_by("recognition_sent_at")[:BATCH]
        )
        spent = [image.id for image in images if image.recognition_attempts >= MOST_ATTEMPTS]
        Image.objects.filter(id__in=spent).update(recognition=Image.Recognition.FAILED)
        sent = [image for image in images if image.recognition_attempts < MOST_ATTEMPTS]
        Image.objects.filter(id__in=[image.id for image in sent]).update(
            recognition=Image.Recognition.SENT,
            recognition_sent_at=moment,
            recognition_attempts=F("recognition_attempts") + 1,
        )
    for image in sent:  # after the transaction: what is lost here is sent again after SILENCE
        send_soon(RECOGNISE_TASK, message=to_json(_request(image)))
    return len(sent)


def record_reply(*, reply: RecogniseReply) -> None:
    """Take in what a worker saw. An answer to an attempt that is over, or a second one, changes nothing."""
    with transaction.atomic():
        image = (
            Image.objects.select_for_update()
            .filter(id=UUID(reply.image_id), recognition=Image.Recognition.SENT, recognition_attempts=reply.attempt)
            .first()
        )
        if image is None:
            return
        if reply.failure:
            _note_failure(image=image, failure=reply.failure)
            return
        image.recognition = Image.Recognition.DONE
        image.save(update_fields=["recognition"])
        if not reply.objects:
            refuse_image(image=image, reason=RefusalReason.NO_SALIENT_OBJECT, note=f"{reply.recogniser} found none")
            return
        if image.screening == Image.Screening.REFUSED:  # meanwhile, by a person
            return
        unmarked = [
            found
            for number, found in enumerate(reply.objects)
            if not _propose(image=image, found=found, source=f"{reply.recogniser}/{number}")
        ]
        if len(unmarked) == len(reply.objects):
            ask_people(image=image, hint=_in_words(unmarked))


def _propose(*, image: Image, found: RecognisedObject, source: str) -> bool:
    """Whether the object became a proposal."""
    if found.mask is None:
        return False
    try:
        propose_target(
            image=image,
            mask=decode_mask(found.mask),
            source=source,
            category=found.category,
            description=found.description,
        )
    except (LatheError, MaskError) as refusal:
        log.info("recognised_object_refused", image=str(image.id), source=source, reason=str(refusal))
        return False
    return True


def _note_failure(*, image: Image, failure: str) -> None:
    log.warning("recognition_failed", image=str(image.id), attempt=image.recognition_attempts, reason=failure)
    last = image.recognition_attempts >= MOST_ATTEMPTS
    image.recognition = Image.Recognition.FAILED if last else Image.Recognition.WAITING
    image.save(update_fields=["recognition"])


def _in_words(objects: list[RecognisedObject]) -> str:
    return "; ".join(found.description or found.category for found in objects)


def _request(image: Image) -> RecogniseRequest:
    return RecogniseRequest(
        image_id=str(image.id),
        image=blob_ref(image.preview_blob or image.blob),
        width=image.width_px,
        height=image.height_px,
        attempt=image.recognition_attempts + 1,
    )
