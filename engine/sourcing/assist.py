"""Help with marking: what the person pointed at goes to a segmenter on a worker, and the mask comes back.

The web process segments nothing itself (`docs/adr/0009-people-who-wait-ask-a-worker.md`).
"""

from uuid import UUID

from django.conf import settings

from engine.asking import ask
from engine.contracts.assist import SEGMENT_TASK, AssistReply, AssistRequest, Prompts
from engine.contracts.serialisation import from_json, to_json
from engine.errors import Unprocessable
from engine.sourcing.mask_tasks import task_of
from engine.sourcing.masks import MaskRefused
from engine.storage.services import blob_ref
from engine.workforce.models import User


class AssistFailed(Unprocessable):
    """The segmenter found nothing, or could not work with what it was told."""

    code = "assist_failed"


def assist(*, user: User, work_item_id: UUID, prompts: Prompts) -> AssistReply:
    """The object that `prompts` indicate in the photograph of a task that `user` holds. Nothing is stored.

    Raises:
        NoSuchMaskTask: the user does not hold it.
        AssistFailed: nothing was found; the message says what to do.
        NobodyAnswers: no segmenter is running.
        MaskRefused: the prior has another size than the photograph.
    """
    image = task_of(user=user, work_item_id=work_item_id).image
    if prompts.prior and (prompts.prior.width, prompts.prior.height) != (image.width_px, image.height_px):
        raise MaskRefused("The mask has another size than the photograph.", what_to_do="Send it at full size.")
    request = AssistRequest(
        image=blob_ref(image.preview_blob or image.blob),
        width=image.width_px,
        height=image.height_px,
        prompts=prompts,
    )
    answer = ask(SEGMENT_TASK, timeout_seconds=settings.LATHE_ASSIST_SECONDS, message=to_json(request))
    reply = from_json(AssistReply, answer)
    if reply.failure:
        raise AssistFailed(reply.failure)
    return reply
