"""New photographs are sent to recognisers, once answered, and what came back is acted upon once."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from engine.contracts.masks import encode_mask
from engine.contracts.recognition import RecognisedObject, RecogniseReply, RecogniseRequest
from engine.contracts.serialisation import from_json
from engine.lifecycle import State
from engine.sourcing import proposing, recognition, services
from engine.sourcing.models import Image, MaskTask, TargetObject
from tests.integration.sourcing.photographs import HEIGHT, WIDTH, photograph, square

pytestmark = pytest.mark.django_db
MUG = RecognisedObject("coffee mug", "a white mug", encode_mask(square()))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[RecogniseRequest]:
    requests: list[RecogniseRequest] = []

    def send(task: str, *, message: Any) -> None:
        requests.append(from_json(RecogniseRequest, message))

    monkeypatch.setattr(recognition, "send_soon", send)
    return requests


@pytest.fixture
def image(settings: Settings) -> Image:
    settings.LATHE_RECOGNITION = True
    return services.register_image(data=photograph(), source="new")


def reply(image: Image, *objects: RecognisedObject, attempt: int = 1, failure: str = "") -> None:
    recognition.record_reply(
        reply=RecogniseReply(str(image.id), attempt, recogniser="test", objects=objects, failure=failure)
    )
    image.refresh_from_db()


def test_a_new_photograph_is_sent_once_and_again_when_nobody_answers(
    image: Image, sent: list[RecogniseRequest]
) -> None:
    now = timezone.now()
    assert recognition.send_waiting(now=now) == 1
    assert recognition.send_waiting(now=now) == 0
    assert recognition.send_waiting(now=now + timedelta(hours=1)) == 1
    assert [(request.attempt, request.width, request.height) for request in sent] == [
        (1, WIDTH, HEIGHT),
        (2, WIDTH, HEIGHT),
    ]
    recognition.send_waiting(now=now + timedelta(hours=2))
    recognition.send_waiting(now=now + timedelta(hours=3))
    image.refresh_from_db()
    assert (image.recognition, len(sent)) == ("failed", 3)


def test_without_recognition_nothing_is_sent(sent: list[RecogniseRequest]) -> None:
    services.register_image(data=photograph(), source="new")
    assert recognition.send_waiting() == 0


@pytest.mark.usefixtures("sent")
def test_marked_objects_become_proposals_for_people_to_check(image: Image) -> None:
    recognition.send_waiting()
    reply(image, MUG, RecognisedObject("spoon"))
    target = TargetObject.objects.get()
    assert (target.state, target.category, target.description) == (State.PROPOSED, "mug", "a white mug")
    assert MaskTask.objects.get().target == target
    reply(image, MUG, MUG)
    assert TargetObject.objects.count() == 1  # answered once


@pytest.mark.usefixtures("sent")
def test_mere_background_is_refused(image: Image) -> None:
    recognition.send_waiting()
    reply(image)
    assert image.screening == Image.Screening.REFUSED
    assert image.refusals.get().reason == "no_salient_object"
    assert proposing.ask_people_about_untouched(now=timezone.now() + timedelta(hours=1)) == 0


@pytest.mark.usefixtures("sent")
def test_people_mark_what_was_named_and_not_found(image: Image) -> None:
    recognition.send_waiting()
    reply(image, RecognisedObject("mug", "a white mug"), RecognisedObject("spoon", mask=encode_mask(square(side=1))))
    task = MaskTask.objects.get()
    assert (task.wants_proposal, task.hint) == (True, "a white mug; spoon")


@pytest.mark.usefixtures("sent")
def test_a_failure_is_tried_again_and_at_last_left_to_people(image: Image) -> None:
    for attempt in (1, 2, 3):
        recognition.send_waiting()
        reply(image, attempt=attempt, failure="the endpoint is away")
        assert image.recognition == ("failed" if attempt == 3 else "waiting")
    reply(image, MUG, attempt=3)
    assert not TargetObject.objects.exists()
    assert proposing.ask_people_about_untouched(now=timezone.now() + timedelta(hours=1)) == 1
