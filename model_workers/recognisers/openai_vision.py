"""Any vision model behind an endpoint that speaks OpenAI's chat completions (vLLM, llama.cpp, a hosted one).

    LATHE_VISION_URL=http://gpu-3:8000/v1      where `/chat/completions` is
    LATHE_VISION_MODEL=qwen2.5-vl-7b           as the endpoint calls it
    LATHE_VISION_KEY=…                         sent as bearer token, if given

The model is asked for JSON. Boxes are wanted as shares of width and height from 0 to 1; without one an object is named
and left to grounders or people.
"""

import base64
import io
import json
import os
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
import numpy as np
import structlog
from numpy.typing import NDArray
from PIL import Image

from engine.contracts.assist import Box
from model_workers.recognisers.protocol import Named, RecognitionError

LONGEST_SIDE_PX = 1280  # vision models see no more
MOST_OBJECTS = 20
LONGEST_TEXT = 300
MOST_BYTES = 2**20
WORTH_RETRYING = {408, 425, 429, 500, 502, 503, 504}

PROMPT = """List the salient physical objects in this photograph, the most prominent first: things that could be told
apart, walked around or taken away. Leave out ground, floor, wall, sky, water, and pictures of objects. Answer with JSON
alone, of the form {"objects": [{"category": "mug", "description": "a white mug with a blue rim", "box": [left, top,
right, bottom]}]}, with each box in shares of width and height from 0 to 1. Where there is no such object, answer
{"objects": []}."""

log = structlog.get_logger(__name__)


class _TryAgain(Exception):
    """The service may answer next time."""


@dataclass(frozen=True)
class VisionSettings:
    """How to reach the endpoint. `retries` come on top of the first attempt, each after twice the wait of the last."""

    url: str
    model: str
    key: str = ""
    timeout_seconds: float = 60.0
    retries: int = 2
    backoff_seconds: float = 1.0


def vision_settings() -> VisionSettings:
    """The endpoint that the environment names.

    Raises:
        RecognitionError: none is named.
    """
    url, model = os.environ.get("LATHE_VISION_URL", ""), os.environ.get("LATHE_VISION_MODEL", "")
    if not url or not model:
        raise RecognitionError("Set LATHE_VISION_URL and LATHE_VISION_MODEL on this worker.")
    return VisionSettings(url=url.rstrip("/"), model=model, key=os.environ.get("LATHE_VISION_KEY", ""))


class OpenAiVision:
    """Asks the endpoint once per photograph."""

    name = "openai_vision"

    def __init__(self, settings: VisionSettings | None = None) -> None:
        self.settings = settings or vision_settings()

    @cached_property
    def _client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.settings.key}"} if self.settings.key else {}
        return httpx.Client(timeout=self.settings.timeout_seconds, headers=headers)

    def recognise(self, image: NDArray[np.uint8]) -> list[Named]:
        """Name what stands out.

        Raises:
            RecognitionError: the endpoint is away, refuses, is too slow, or answers with something else than JSON.
        """
        body = {
            "model": self.settings.model,
            "temperature": 0,
            "response_format": {"type": "json_object"},
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": PROMPT},
                        {"type": "image_url", "image_url": {"url": _data_url(image)}},
                    ],
                }
            ],
        }
        return read_objects(self._ask(body), height=image.shape[0], width=image.shape[1])

    def _ask(self, body: dict[str, Any]) -> str:
        attempts = self.settings.retries + 1
        for attempt in range(1, attempts + 1):
            try:
                return self._post(body)
            except (_TryAgain, httpx.TransportError) as failure:
                reason = str(failure) or type(failure).__name__
                log.warning("vision_attempt_failed", url=self.settings.url, attempt=attempt, reason=reason)
                if attempt == attempts:
                    raise RecognitionError(
                        f"{self.settings.url} did not answer in {attempts} attempts (last: {reason})."
                    ) from failure
                time.sleep(self.settings.backoff_seconds * 2 ** (attempt - 1))
        raise AssertionError("unreachable")

    def _post(self, body: dict[str, Any]) -> str:
        # httpx's time-out counts from byte to byte; a service that drips needs one for the whole answer.
        deadline = time.monotonic() + self.settings.timeout_seconds
        with self._client.stream("POST", f"{self.settings.url}/chat/completions", json=body) as response:
            if response.status_code in WORTH_RETRYING:
                raise _TryAgain(f"status {response.status_code}")
            if response.status_code != 200:
                raise RecognitionError(
                    f"{self.settings.url} answered with status {response.status_code}: check LATHE_VISION_URL, "
                    "LATHE_VISION_MODEL and LATHE_VISION_KEY."
                )
            content = bytearray()
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > MOST_BYTES:
                    raise RecognitionError(f"{self.settings.url} sends more than {MOST_BYTES} bytes.")
                if time.monotonic() > deadline:
                    raise _TryAgain(f"the answer took longer than {self.settings.timeout_seconds:g} s")
        try:
            text = json.loads(content)["choices"][0]["message"]["content"]
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise RecognitionError(f"{self.settings.url} does not answer as chat completions do: {error}.") from error
        return str(text)


def read_objects(text: str, *, height: int, width: int) -> list[Named]:
    """Read the model's JSON, also inside a fenced block; what is no usable object in it is left out.

    Raises:
        RecognitionError: there is no JSON of that form.
    """
    start, end = text.find("{"), text.rfind("}")
    try:
        found = json.loads(text[start : end + 1])["objects"]
        entries = list(found)[:MOST_OBJECTS]
    except (ValueError, KeyError, TypeError) as error:
        raise RecognitionError(
            f"The vision model did not answer with the JSON it was asked for: {text[:80]!r}."
        ) from error
    named = []
    for entry in entries:
        if not isinstance(entry, dict) or not str(entry.get("category") or "").strip():
            continue
        named.append(
            Named(
                category=str(entry["category"]).strip()[:LONGEST_TEXT],
                description=str(entry.get("description") or "").strip()[:LONGEST_TEXT],
                box=_box(entry.get("box"), height=height, width=width),
            )
        )
    return named


def _box(shares: Any, *, height: int, width: int) -> Box | None:
    try:
        left, top, right, bottom = (min(1.0, max(0.0, float(share))) for share in shares)
    except (TypeError, ValueError):
        return None
    if right - left < 0.01 or bottom - top < 0.01:
        return None
    return Box(left=left * width, top=top * height, right=right * width, bottom=bottom * height)


def _data_url(image: NDArray[np.uint8]) -> str:
    picture = Image.fromarray(image)
    picture.thumbnail((LONGEST_SIDE_PX, LONGEST_SIDE_PX))
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
