"""Any generator behind HTTP: image, mask and seed go there, a GLB comes back.

Configured by `LATHE_REMOTE_GENERATORS`, JSON from name to settings:

    {"trellis": {"url": "http://gpu-7:8000/generate", "timeout_seconds": 60, "headers": {"Authorization": "Bearer …"}}}

One POST per seed, multipart: files `image` (PNG, RGB) and `mask` (PNG, 8 bit grey, 0 or 255), fields `seed` and
`request` (JSON with category, description and parameters). The answer's body is the GLB, Y up. It is untrusted: read in
the sandbox, like an upload. A request for textures also has the file `shape` (GLB), and `pose` and `intrinsics` in
`request`.
"""

import io
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import httpx
import structlog
from PIL import Image

from engine.contracts.serialisation import to_json
from model_workers.generators.protocol import GenerationContext, GeneratorError, PosedShape, Proposal

SETTINGS_VARIABLE = "LATHE_REMOTE_GENERATORS"
_WORTH_RETRYING = {408, 425, 429, 500, 502, 503, 504}

File = tuple[str, bytes, str]  # name, content, media type

log = structlog.get_logger(__name__)


class _TryAgain(Exception):
    """The service may answer next time."""


@dataclass(frozen=True)
class RemoteSettings:
    """How to reach one service. `retries` come on top of the first attempt, each after twice the wait of the last."""

    url: str
    timeout_seconds: float = 120.0
    retries: int = 2
    backoff_seconds: float = 1.0
    max_bytes: int = 200 * 2**20
    headers: dict[str, str] = field(default_factory=dict)


def remote_settings() -> dict[str, RemoteSettings]:
    """The services of `LATHE_REMOTE_GENERATORS`.

    Raises:
        GeneratorError: the variable cannot be understood.
    """
    text = os.environ.get(SETTINGS_VARIABLE, "").strip()
    if not text:
        return {}
    try:
        return {name: RemoteSettings(**settings) for name, settings in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError) as error:
        known = ", ".join(item.name for item in fields(RemoteSettings))
        raise GeneratorError(
            f"{SETTINGS_VARIABLE} must be a JSON object from name to settings ({known}): {error}"
        ) from error


class RemoteGenerator:
    """A generator behind HTTP."""

    uses_checkpoint = False

    def __init__(self, settings: RemoteSettings) -> None:
        self.settings = settings

    @cached_property
    def _client(self) -> httpx.Client:
        return httpx.Client(timeout=self.settings.timeout_seconds, headers=self.settings.headers)

    def generate(self, context: GenerationContext) -> Iterator[Proposal]:
        """Ask once per seed.

        Raises:
            GeneratorError: the service is away, refuses, is too slow or sends too much.
        """
        yield from self._proposals(context)

    def texture(self, context: GenerationContext, shape: PosedShape) -> Iterator[Proposal]:
        """Ask once per seed, with the shape beside image and mask, its pose and camera in the request.

        Raises:
            GeneratorError: the service is away, refuses, is too slow or sends too much.
        """
        given = {"pose": to_json(shape.pose), "intrinsics": to_json(shape.intrinsics)}
        yield from self._proposals(context, shape=("shape.glb", shape.glb, "model/gltf-binary"), also=given)

    def _proposals(
        self, context: GenerationContext, *, shape: File | None = None, also: dict[str, Any] | None = None
    ) -> Iterator[Proposal]:
        files = {
            "image": ("image.png", _png(Image.fromarray(context.image)), "image/png"),
            "mask": ("mask.png", _png(Image.fromarray(context.mask).convert("L")), "image/png"),
        } | ({"shape": shape} if shape else {})
        request = {
            "category": context.category,
            "description": context.description,
            "parameters": context.parameters,
            **(also or {}),
        }
        for seed in context.seeds:
            yield Proposal(seed=seed, mesh=self._ask(files, {"seed": str(seed), "request": json.dumps(request)}))

    def _ask(self, files: dict[str, File], fields: dict[str, str]) -> bytes:
        attempts = self.settings.retries + 1
        for attempt in range(1, attempts + 1):
            try:
                return self._post(files, fields)
            except (_TryAgain, httpx.TransportError) as failure:
                reason = str(failure) or type(failure).__name__
                log.warning("remote_attempt_failed", url=self.settings.url, attempt=attempt, reason=reason)
                if attempt == attempts:
                    raise GeneratorError(
                        f"{self.settings.url} did not answer in {attempts} attempts (last: {reason})"
                    ) from failure
                time.sleep(self.settings.backoff_seconds * 2 ** (attempt - 1))
        raise AssertionError("unreachable")

    def _post(self, files: dict[str, File], fields: dict[str, str]) -> bytes:
        # httpx's time-out counts from byte to byte; a service that drips needs one for the whole answer.
        deadline = time.monotonic() + self.settings.timeout_seconds
        with self._client.stream("POST", self.settings.url, files=files, data=fields) as response:
            if response.status_code in _WORTH_RETRYING:
                raise _TryAgain(f"status {response.status_code}")
            if response.status_code != 200:
                raise GeneratorError(f"{self.settings.url} answered with status {response.status_code}")
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > self.settings.max_bytes:
                    raise GeneratorError(
                        f"{self.settings.url} sends more than {self.settings.max_bytes} bytes for one mesh"
                    )
                if time.monotonic() > deadline:
                    raise _TryAgain(f"the answer took longer than {self.settings.timeout_seconds:g} s")
        return bytes(body)


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()
