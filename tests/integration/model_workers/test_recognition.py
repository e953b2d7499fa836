"""A vision endpoint as it behaves over HTTP: JSON, prose, time-outs, refusals; and what is marked of what it names."""

import base64
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
import skimage.data
from PIL import Image

from engine.contracts.blobs import BlobRef
from engine.contracts.masks import decode_mask
from engine.contracts.recognition import RecogniseRequest
from model_workers.recognisers.box_grounder import BoxGrounder
from model_workers.recognisers.openai_vision import OpenAiVision, VisionSettings, read_objects
from model_workers.recognisers.protocol import RecognitionError
from model_workers.recognisers.registry import load_grounder, load_recogniser
from model_workers.recognition import name_and_mark

CUP = {"category": "mug", "description": "a white cup", "box": [0.22, 0.04, 0.78, 0.88]}
Answer = Callable[[int], tuple[int, Any]]


class Endpoint:
    """A server that answers the n-th request as it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: Answer = lambda number: (200, completion([CUP]))
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                endpoint.bodies.append(json.loads(self.rfile.read(length)) | {"path": self.path})
                endpoint.headers.append(dict(self.headers))
                status, body = endpoint.answer(len(endpoint.bodies))
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def recogniser(self, **settings: Any) -> OpenAiVision:
        return OpenAiVision(
            VisionSettings(self.url, "a-model", **{"key": "secret", "backoff_seconds": 0.01, "retries": 1} | settings)
        )


def completion(objects: Any, *, fenced: bool = False) -> dict[str, Any]:
    text = objects if isinstance(objects, str) else json.dumps({"objects": objects})
    return {"choices": [{"message": {"role": "assistant", "content": f"```json\n{text}\n```" if fenced else text}}]}


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    running = Endpoint()
    yield running
    running.server.shutdown()
    running.server.server_close()
    running.thread.join()


@pytest.fixture
def coffee() -> np.ndarray:
    return np.asarray(skimage.data.coffee())


def test_the_photograph_goes_there_as_a_chat_completion_and_objects_come_back(endpoint: Endpoint, coffee: Any) -> None:
    endpoint.answer = lambda number: (200, completion([CUP, {"category": "spoon"}], fenced=True))
    cup, spoon = endpoint.recogniser().recognise(coffee)
    assert (cup.category, cup.description) == ("mug", "a white cup")
    assert cup.box is not None
    assert (cup.box.left, cup.box.bottom) == (pytest.approx(132), pytest.approx(352))
    assert spoon.box is None
    (body,) = endpoint.bodies
    assert (body["path"], body["model"]) == ("/v1/chat/completions", "a-model")
    assert endpoint.headers[0]["Authorization"] == "Bearer secret"
    url = body["messages"][0]["content"][1]["image_url"]["url"]
    sent = Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/jpeg;base64,"))))
    assert sent.size == (600, 400)


def test_it_is_asked_again_where_that_may_help(endpoint: Endpoint, coffee: Any) -> None:
    endpoint.answer = lambda number: (503, {}) if number == 1 else (200, completion([]))
    assert endpoint.recogniser().recognise(coffee) == []
    assert len(endpoint.bodies) == 2


@pytest.mark.parametrize(
    ("answer", "reason", "requests"),
    [
        (lambda number: (401, {}), "status 401", 1),
        (lambda number: (500, {}), "2 attempts", 2),
        (lambda number: (200, completion("I see a nice cup.")), "did not answer with the JSON", 1),
        (lambda number: (200, {"error": "no"}), "as chat completions do", 1),
        (lambda number: (200, b"\xff" * (2**20 + 1)), "more than", 1),
    ],
)
def test_what_goes_wrong_is_said(endpoint: Endpoint, coffee: Any, answer: Answer, reason: str, requests: int) -> None:
    endpoint.answer = answer
    with pytest.raises(RecognitionError, match=reason):
        endpoint.recogniser().recognise(coffee)
    assert len(endpoint.bodies) == requests


def test_a_silent_endpoint_is_given_up(endpoint: Endpoint, coffee: Any) -> None:
    def late(number: int) -> tuple[int, bytes]:
        time.sleep(0.6)
        return 200, completion([])

    endpoint.answer = late
    with pytest.raises(RecognitionError, match="2 attempts"):
        endpoint.recogniser(timeout_seconds=0.2).recognise(coffee)


def test_objects_that_are_none_are_left_out() -> None:
    text = json.dumps({"objects": ["cup", {}, {"category": " "}, {"category": "mug", "box": [0.5, 0.5, 0.4, 2]}]})
    (mug,) = read_objects(text, height=10, width=10)
    assert (mug.category, mug.box) == ("mug", None)


def test_boxes_become_masks_at_the_size_of_the_photograph(endpoint: Endpoint, coffee: Any) -> None:
    endpoint.answer = lambda number: (200, completion([CUP, {"category": "spoon"}]))
    request = RecogniseRequest("image", BlobRef("0" * 64, "image/png", 1), width=1200, height=800, attempt=1)
    cup, spoon = name_and_mark(coffee, request, endpoint.recogniser(), BoxGrounder())
    assert spoon.mask is None
    assert cup.mask is not None
    mask = decode_mask(cup.mask)
    assert mask.shape == (800, 1200)
    assert mask[370, 600]
    assert not mask[:, :200].any()


def test_plug_ins_are_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RecognitionError, match="LATHE_VISION_URL"):
        load_recogniser()
    assert load_grounder().name == "box"
    monkeypatch.setenv("LATHE_GROUNDER", "nobody")
    with pytest.raises(RecognitionError, match="there are box"):
        load_grounder()
