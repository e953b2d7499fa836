"""Help with marking: through the API and a real worker, and what is said when nobody can help."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
import skimage.data
from django.test import Client
from PIL import Image as Pillow
from pytest_django.fixtures import Settings

from engine.contracts.assist import AssistReply, AssistRequest
from engine.contracts.masks import MaskRle, decode_mask, encode_mask
from engine.contracts.serialisation import from_json, to_json
from engine.sourcing import assist, services
from engine.sourcing.models import Image
from engine.workforce.models import Role
from tests.factories import make_user
from tests.integration.sourcing.photographs import photograph, square
from tests.queries import at_most
from tests.segmenting import segment_worker

pytestmark = pytest.mark.django_db
CLICK = {"x": 28, "y": 18, "positive": True}


@pytest.fixture
def annotator() -> Client:
    client = Client()
    client.force_login(make_user(Role.ANNOTATOR))
    return client


def post(client: Client, path: str, body: dict[str, Any]) -> Any:
    headers = {"Idempotency-Key": str(uuid4())}
    return client.post(f"/api/v1/{path}", json.dumps(body), content_type="application/json", headers=headers)


def claimed(client: Client, *, data: bytes, mask: np.ndarray) -> dict[str, Any]:
    image = services.register_image(data=data, source="one")
    services.register_target(image_id=image.id, mask=mask, source="0")
    task: dict[str, Any] = post(client, "masks/claim", {}).json()
    return task


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[AssistRequest]:
    """What a segmenter was asked; it always finds the same square."""
    requests: list[AssistRequest] = []

    def answer(task: str, *, timeout_seconds: float, message: Any) -> Any:
        requests.append(from_json(AssistRequest, message))
        return to_json(AssistReply(segmenter="square", duration_ms=1.0, mask=encode_mask(square())))

    monkeypatch.setattr(assist, "ask", answer)
    return requests


def test_clicks_box_and_strokes_reach_the_segmenter_as_they_were(annotator: Client, asked: list[AssistRequest]) -> None:
    task = claimed(annotator, data=photograph(), mask=square())
    body = {
        "clicks": [CLICK, {"x": 2, "y": 3.5, "positive": False}],
        "box": {"left": 1, "top": 2, "right": 30, "bottom": 40},
        "strokes": [{"points": [{"x": 1, "y": 1}, {"x": 5, "y": 6}], "radius": 2, "positive": True}],
        "prior": task["mask"],
    }
    with at_most(6):
        answer = post(annotator, f"masks/{task['work_item']}/assist", body)
    assert answer.json() == {"mask": task["mask"], "segmenter": "square", "duration_ms": 1.0}
    (request,) = asked
    assert request.image.sha256 == Image.objects.get().blob_id
    assert [click.positive for click in request.prompts.clicks] == [True, False]
    assert request.prompts.box is not None
    assert request.prompts.box.bottom == 40
    assert request.prompts.strokes[0].points == ((1.0, 1.0), (5.0, 6.0))
    assert to_json(request.prompts.prior) == task["mask"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"clicks": []},
        {"clicks": [{"x": -1, "y": 2, "positive": True}]},
        {"clicks": [{"x": "here", "y": 2, "positive": True}]},
        {"clicks": [CLICK] * 201},
        {"box": {"left": 5, "top": 5, "right": 5, "bottom": 9}},
        {"strokes": [{"points": [], "radius": 1, "positive": True}]},
    ],
)
def test_what_points_at_nothing_is_refused(annotator: Client, asked: list[AssistRequest], body: dict[str, Any]) -> None:
    task = claimed(annotator, data=photograph(), mask=square())
    answer = post(annotator, f"masks/{task['work_item']}/assist", body)
    assert (answer.status_code, answer.json()["type"], asked) == (400, "invalid", [])


def test_a_prior_of_another_size_is_refused(annotator: Client, asked: list[AssistRequest]) -> None:
    task = claimed(annotator, data=photograph(), mask=square())
    answer = post(
        annotator,
        f"masks/{task['work_item']}/assist",
        {"clicks": [CLICK], "prior": {"height": 2, "width": 2, "counts": [4]}},
    )
    assert (answer.status_code, answer.json()["type"], asked) == (422, "mask_refused", [])


def test_nobody_gets_help_with_what_they_do_not_hold(annotator: Client, asked: list[AssistRequest]) -> None:
    answer = post(annotator, f"masks/{uuid4()}/assist", {"clicks": [CLICK]})
    assert (answer.status_code, answer.json()["type"]) == (404, "no_such_mask_task")
    artist = Client()
    artist.force_login(make_user(Role.ARTIST))
    assert post(artist, f"masks/{uuid4()}/assist", {"clicks": [CLICK]}).status_code == 403


def test_without_a_segmenter_the_page_is_told_soon(annotator: Client, settings: Settings, broker_url: str) -> None:
    settings.LATHE_ASSIST_SECONDS = 0.2
    task = claimed(annotator, data=photograph(), mask=square())
    answer = post(annotator, f"masks/{task['work_item']}/assist", {"clicks": [CLICK]})
    assert (answer.status_code, answer.json()["type"]) == (503, "nobody_answers")
    assert "by hand" in answer.json()["what_to_do"]


@pytest.fixture
def segmenter(settings: Settings, broker_url: str, tmp_path: Path) -> Iterator[None]:
    settings.LATHE_ASSIST_SECONDS = 20
    with segment_worker(broker_url=broker_url, storage_url=settings.LATHE_STORAGE_URL, log=tmp_path / "worker.log"):
        yield


@pytest.mark.usefixtures("segmenter")
def test_a_worker_marks_the_cup_in_a_box_and_says_why_it_cannot(annotator: Client) -> None:
    buffer = io.BytesIO()
    Pillow.fromarray(skimage.data.coffee()).save(buffer, format="PNG")
    mask = np.zeros((400, 600), dtype=np.bool_)
    mask[10:40, 10:40] = True
    task = claimed(annotator, data=buffer.getvalue(), mask=mask)
    url = f"masks/{task['work_item']}/assist"

    box = {"left": 130, "top": 15, "right": 470, "bottom": 350}
    reply = post(annotator, url, {"box": box}).json()
    assert reply["segmenter"] == "grabcut"
    runs = reply["mask"]
    marked = decode_mask(MaskRle(height=runs["height"], width=runs["width"], counts=tuple(runs["counts"])))
    rows, columns = np.mgrid[:400, :600]
    cup = ((columns - 300) / 165) ** 2 + ((rows - 185) / 165) ** 2 < 1
    assert (marked & cup).sum() / (marked | cup).sum() > 0.6

    answer = post(annotator, url, {"clicks": [CLICK | {"positive": False}]})
    assert (answer.status_code, answer.json()["type"]) == (422, "assist_failed")
    assert "click on it" in answer.json()["detail"]
