"""A Redis of its own, a real worker process without database or key, and a third party's generators."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kombu
import numpy as np
import pytest
import trimesh
from PIL import Image

from engine.contracts.cameras import Intrinsics
from engine.contracts.generation import ChosenShape, GenerateRequest, Modality
from engine.contracts.glb import MEDIA_TYPE
from engine.contracts.masks import encode_mask
from engine.contracts.poses import Pose
from engine.contracts.targets import TargetInput
from engine.embedded.places import CHECKOUT
from engine.storage.blobs import BlobStore, open_store
from model_workers.meshes import canonical_glb
from tests.integration.model_workers import strange_generators
from tests.redis_server import RedisServer

WORKER_START_SECONDS = 30


@pytest.fixture
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("var")


@pytest.fixture(scope="module")
def store(var: Path) -> BlobStore:
    return open_store((var / "blobs").as_uri(), var=var)


@pytest.fixture(scope="module")
def third_party(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PYTHONPATH with the metadata of an installed distribution."""
    metadata = tmp_path_factory.mktemp("third_party") / "strange_generators-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: strange-generators\nVersion: 1.0\n")
    names = [
        name for name, thing in vars(strange_generators).items() if hasattr(thing, "generate") or name == "Unloadable"
    ]
    lines = [f"strange_{name.lower()} = {strange_generators.__name__}:{name}" for name in names]
    (metadata / "entry_points.txt").write_text("\n".join(["[lathe.generators]", *lines]) + "\n")
    return metadata.parent


@pytest.fixture(scope="module")
def scrubbed_environment(var: Path, third_party: Path) -> dict[str, str]:
    """All that a worker's machine gets: no database, no Django settings, no key."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(third_party),
        "LATHE_VAR": str(var),
        "LATHE_STORAGE_URL": (var / "blobs").as_uri(),
        "OMP_NUM_THREADS": "1",
    }


class Worker:
    """A Celery worker of `model_workers` in a process group of its own."""

    def __init__(self, environment: dict[str, str], broker_url: str, log: Path) -> None:
        self._log = log.open("ab")
        self.log = log
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "celery", "--app=model_workers.celery", "--quiet", "worker"),
                *("--queues=generate,train", "--concurrency=1", "--without-gossip", "--without-mingle"),
            ],
            cwd=CHECKOUT,
            env=environment | {"CELERY_BROKER_URL": broker_url},
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        deadline = time.monotonic() + WORKER_START_SECONDS
        while "worker_ready" not in log.read_text():
            assert self.process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        """kill -9 of the whole process group, as when the machine goes away."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._log.close()


@pytest.fixture
def start_worker(scrubbed_environment: dict[str, str], redis_server: RedisServer, tmp_path: Path) -> Iterator[Any]:
    workers: list[Worker] = []

    def start() -> Worker:
        workers.append(Worker(scrubbed_environment, redis_server.url, tmp_path / f"worker{len(workers)}.log"))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()


class EngineQueue:
    """Reads what workers send to the engine."""

    def __init__(self, broker_url: str) -> None:
        self._broker_url = broker_url

    def take(self, *, timeout_seconds: float = 20) -> tuple[str, dict[str, Any]]:
        """The next message: the task's name and the contract it carries."""
        with kombu.Connection(self._broker_url) as connection, connection.SimpleQueue("engine") as queue:
            message = queue.get(timeout=timeout_seconds)
            message.ack()
            _, kwargs, _ = json.loads(message.body)
            return message.headers["task"], kwargs["message"]


@pytest.fixture
def engine_queue(redis_server: RedisServer) -> EngineQueue:
    return EngineQueue(redis_server.url)


@pytest.fixture
def posed_box(store: BlobStore) -> ChosenShape:
    """A box that fills the mask of `make_request`, seen from its front."""
    glb, _ = canonical_glb(trimesh.creation.box(extents=(1.0, 0.75, 1.0)))
    return ChosenShape(
        mesh=store.put(glb, media_type=MEDIA_TYPE),
        pose=Pose(rotation_wxyz=(0.0, 1.0, 0.0, 0.0), translation=(0.0, 0.0, 3.0), scale=(1.0, 1.0, 1.0)),
        intrinsics=Intrinsics(fx=100.0, fy=100.0, cx=40.0, cy=30.0, width=80, height=60),
    )


@pytest.fixture
def make_request(store: BlobStore) -> Any:
    """A request about a mug in a small photograph."""

    def make(generator: str, **fields: Any) -> GenerateRequest:
        buffer = io.BytesIO()
        Image.fromarray(np.full((60, 80, 3), 120, np.uint8)).save(buffer, format="PNG")
        mask = np.zeros((60, 80), bool)
        mask[15:45, 20:60] = True
        target = TargetInput(
            target_id="a-target",
            image=store.put(buffer.getvalue(), media_type="image/png"),
            mask=encode_mask(mask),
            category="mug",
            description="a tall red mug",
        )
        values: dict[str, Any] = {"seeds": (1, 2), "deadline_seconds": 30.0, "modality": Modality.SHAPE} | fields
        return GenerateRequest(run_id="a-run", attempt=1, generator=generator, target=target, **values)

    return make
