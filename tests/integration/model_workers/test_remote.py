"""A generator behind HTTP, against a real local server that is slow, broken, too generous or talks rubbish."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from engine.contracts.cameras import Intrinsics
from engine.contracts.generation import GenerateReply, GenerateRequest, ReplyStatus
from engine.contracts.poses import Pose
from engine.contracts.serialisation import to_json
from model_workers import generation
from model_workers.child_process import ChildProcess
from model_workers.generators.protocol import GenerationContext, GeneratorError, PosedShape, Proposal
from model_workers.generators.registry import load_generator
from model_workers.generators.remote import RemoteGenerator, RemoteSettings, remote_settings

GLB = bytes(trimesh.creation.icosphere(subdivisions=2).export(file_type="glb"))
Act = Callable[[BaseHTTPRequestHandler], None]


class Service:
    """A server that does one act for each request, the last one for all further ones."""

    def __init__(self) -> None:
        self.acts: list[Act] = []
        self.bodies: list[bytes] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                service.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                act = service.acts.pop(0) if len(service.acts) > 1 else service.acts[0]
                try:
                    act(self)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/generate"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def service() -> Iterator[Service]:
    running = Service()
    yield running
    running.server.shutdown()
    running.server.server_close()


def send(status: int, body: bytes) -> Act:
    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return act


def silent(seconds: float) -> Act:
    def act(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        send(200, GLB)(handler)

    return act


def dripping(handler: BaseHTTPRequestHandler) -> None:
    """A byte now and then: never silent for long, never done."""
    handler.send_response(200)
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b"g")
        handler.wfile.flush()
        time.sleep(0.05)


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(bytes(65536))


def context(*seeds: int) -> GenerationContext:
    mask = np.zeros((30, 40), bool)
    mask[10:20, 10:30] = True
    return GenerationContext(
        image=np.full((30, 40, 3), 90, np.uint8),
        mask=mask,
        seeds=seeds or (1,),
        cache=Path("unused"),
        category="mug",
        description="a red mug",
        parameters={"steps": 12},
    )


def ask(service: Service, *seeds: int, **settings: Any) -> list[Proposal]:
    values: dict[str, Any] = {"timeout_seconds": 5.0, "backoff_seconds": 0.01} | settings
    return list(RemoteGenerator(RemoteSettings(url=service.url, **values)).generate(context(*seeds)))


def test_one_request_per_seed_with_image_mask_and_words(service: Service) -> None:
    service.acts = [send(200, GLB)]
    proposals = ask(service, 7, 8)
    assert [(proposal.seed, proposal.mesh) for proposal in proposals] == [(7, GLB), (8, GLB)]
    body = service.bodies[0]
    assert re.search(rb'name="seed"\r\n\r\n7\r\n', body)
    assert body.count(b"\x89PNG") == 2
    sent = re.search(rb'name="request"\r\n\r\n(.*?)\r\n', body)
    assert sent is not None
    assert json.loads(sent[1]) == {"category": "mug", "description": "a red mug", "parameters": {"steps": 12}}


def test_a_request_for_textures_carries_the_posed_shape(service: Service) -> None:
    service.acts = [send(200, GLB)]
    camera = Intrinsics(fx=100.0, fy=100.0, cx=40.0, cy=30.0, width=80, height=60)
    pose = Pose(rotation_wxyz=(0.0, 1.0, 0.0, 0.0), translation=(0.0, 0.0, 3.0), scale=(1.0, 1.0, 1.0))
    shape = PosedShape(mesh=trimesh.creation.icosphere(), glb=b"glTF of the shape", pose=pose, intrinsics=camera)
    (proposal,) = RemoteGenerator(RemoteSettings(url=service.url)).texture(context(7), shape)
    assert (proposal.seed, proposal.mesh) == (7, GLB)
    assert b'name="shape"; filename="shape.glb"' in service.bodies[0]
    assert b"glTF of the shape" in service.bodies[0]
    sent = re.search(rb'name="request"\r\n\r\n(.*?)\r\n', service.bodies[0])
    assert sent is not None
    request = json.loads(sent[1])
    assert (request["pose"], request["intrinsics"]) == (to_json(pose), to_json(camera))


def test_a_service_that_recovers_is_asked_again(service: Service) -> None:
    service.acts = [send(500, b"out of memory"), send(503, b""), send(200, GLB)]
    assert ask(service)[0].mesh == GLB
    assert len(service.bodies) == 3


@pytest.mark.parametrize(
    ("act", "settings", "reason", "requests"),
    [
        (send(500, b""), {}, "did not answer in 3 attempts (last: status 500)", 3),
        (send(404, b""), {}, "answered with status 404", 1),
        (silent(3), {"timeout_seconds": 0.2, "retries": 1}, "did not answer in 2 attempts (last: timed out)", 2),
        (dripping, {"timeout_seconds": 0.3, "retries": 0}, "the answer took longer than 0.3 s", 1),
        (endless, {"max_bytes": 10**6}, "sends more than 1000000 bytes for one mesh", 1),
    ],
)
def test_failures_have_reasons(
    service: Service, act: Act, settings: dict[str, Any], reason: str, requests: int
) -> None:
    service.acts = [act]
    with pytest.raises(GeneratorError, match=re.escape(reason)):
        ask(service, **settings)
    assert len(service.bodies) == requests


def test_a_service_that_is_away() -> None:
    gone = RemoteSettings(url="http://127.0.0.1:9/generate", retries=1, backoff_seconds=0.01)
    with pytest.raises(GeneratorError, match="did not answer in 2 attempts"):
        list(RemoteGenerator(gone).generate(context()))


def test_what_came_before_a_failure_is_kept(service: Service) -> None:
    service.acts = [send(200, GLB), send(400, b"")]
    proposals = RemoteGenerator(RemoteSettings(url=service.url)).generate(context(1, 2))
    assert next(proposals).seed == 1
    with pytest.raises(GeneratorError):
        next(proposals)


def test_rubbish_is_refused_in_the_sandbox_and_stops_no_other(
    service: Service, scrubbed_environment: dict[str, str], make_request: Callable[..., GenerateRequest]
) -> None:
    service.acts = [send(200, b"<html>a proxy's error page</html>"), send(200, GLB)]
    reply = generate_in(scrubbed_environment, make_request("far_away"), {"far_away": {"url": service.url}})
    assert reply.status is ReplyStatus.SUCCEEDED
    assert [candidate.seed for candidate in reply.candidates] == [2]
    assert reply.error == "seed 1: the file is not a GLB (binary glTF)"
    assert reply.candidates[0].watertight


def generate_in(environment: dict[str, str], request: GenerateRequest, remotes: dict[str, Any]) -> GenerateReply:
    child = ChildProcess("model_workers.generation_child", what="the generator")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setenv("LATHE_REMOTE_GENERATORS", json.dumps(remotes))
        patch.setattr(generation, "child", lambda: child)
        try:
            return generation.generate(request)
        finally:
            child.close()


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATHE_REMOTE_GENERATORS", '{"trellis": {"url": "http://gpu/", "timeout_seconds": 9}}')
    assert remote_settings() == {"trellis": RemoteSettings(url="http://gpu/", timeout_seconds=9)}
    assert isinstance(load_generator("trellis"), RemoteGenerator)
    for wrong in ("{", '{"trellis": "http://gpu/"}', '{"trellis": {"uri": "http://gpu/"}}', '["trellis"]'):
        monkeypatch.setenv("LATHE_REMOTE_GENERATORS", wrong)
        with pytest.raises(GeneratorError, match="must be a JSON object from name to settings"):
            remote_settings()
