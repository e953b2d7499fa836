"""The training path as it runs: engine, broker, a real Celery worker, the object store, and the iteration goes on."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from engine.celery import app
from engine.contracts.glb import MeshPart, write_glb
from engine.contracts.training import RECORD_PROGRESS_TASK, RECORD_TRAINING_TASK
from engine.embedded.celery_app import make_app
from engine.flywheel import runs, services
from engine.flywheel.models import Iteration, ModelVersion, TrainingRun
from engine.flywheel.plan import complete_settings
from engine.storage.blobs import BlobStore
from engine.storage.services import put_blob
from tests import factories as make
from tests.integration.datasets.conftest import freeze_now, make_real_request
from tests.integration.model_workers.conftest import EngineQueue, Worker
from tests.redis_server import RedisServer
from tests.unit.training_loop.tiny import tiny_config
from training_loop.checkpoints import CheckpointInfo, read_header, save_model
from training_loop.models.config import ROTATION, SCALE, TRANSLATION
from training_loop.models.generator import GeometryModel

pytestmark = pytest.mark.django_db

FEW = {"steps": 2, "batch_size": 2, "library.count": 4, "library.image_px": 32, "library.processes": 1}


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of an untrained model, so small that training it takes no time."""
    config = tiny_config()
    sizes = {ROTATION: 6, TRANSLATION: 3, SCALE: 3}
    model = GeometryModel(
        replace(
            config,
            vae=replace(config.vae, latent_mean=(0.0,) * 4, latent_std=(1.0,) * 4),
            layout_mean={name: (0.0,) * size for name, size in sizes.items()},
            layout_std={name: (1.0,) * size for name, size in sizes.items()},
        )
    )
    path = tmp_path_factory.mktemp("parent") / "checkpoint.safetensors"
    save_model(path, model, CheckpointInfo(stage="pretrain"))
    return path


@pytest.fixture
def iteration(
    parent: Path, var: Path, redis_server: RedisServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iteration:
    """Two targets were judged and frozen; what comes next is SFT. Engine and worker share broker and store."""
    settings.LATHE_STORAGE_URL = (var / "blobs").as_uri()
    monkeypatch.setenv("CELERY_BROKER_URL", redis_server.url)
    monkeypatch.setattr(runs, "app", make_app("engine_of_the_test", broker_url=redis_server.url))
    base = make.make_model_version(
        name="k0-pretrain", promoted=True, checkpoint=put_blob(data=parent, media_type="application/x-safetensors")
    )
    collection = make.make_collection(closed=True)
    for height in (0.5, 0.8):
        request = make_real_request(collection=collection)
        candidates = [make.make_candidate(request=request, content=box(height + step)) for step in (0.0, 0.1)]
        make.make_rated_selection(request=request, candidates=candidates)
        make.make_alignment(candidate=candidates[0])
    wanted = {"sft": {"recipe": "mini_sft", "overrides": {**FEW, "precision": "fp32"}}}
    return make.make_iteration(
        step=Iteration.Step.SFT,
        base=base,
        collection=collection,
        snapshot=freeze_now(),
        settings=complete_settings(wanted),
    )


def box(height: float) -> bytes:
    mesh = trimesh.creation.box(extents=(1.0, height, 0.7))
    return write_glb([MeshPart(np.asarray(mesh.vertices), np.asarray(mesh.faces))])


def test_a_worker_fine_tunes_on_a_snapshot_and_the_iteration_goes_on_to_dpo(
    iteration: Iteration,
    start_worker: Callable[[], Worker],
    engine_queue: EngineQueue,
    store: BlobStore,
    tmp_path: Path,
) -> None:
    services.advance(iteration_id=iteration.id)
    assert runs.publish_waiting_runs() == 1
    start_worker()

    heard = []
    while RECORD_TRAINING_TASK not in heard:
        task, message = engine_queue.take(timeout_seconds=60)
        app.tasks[task].apply(kwargs={"message": message}, throw=True)
        heard.append(task)

    run = TrainingRun.objects.get(purpose="sft")
    assert (run.status, run.error, run.attempt) == ("succeeded", "", 1)
    assert heard[0] == RECORD_PROGRESS_TASK
    assert (run.step, run.total_steps) == (2, 2)
    iteration.refresh_from_db()
    assert (iteration.step, iteration.failed) == (Iteration.Step.DPO, False)
    tuned = ModelVersion.objects.get(name="k1-sft")
    assert (iteration.sft_version, tuned.parent, tuned.snapshot) == (tuned, iteration.base, iteration.snapshot)
    assert np.isfinite(list(tuned.metrics["training"].values())).all()
    checkpoint = read_header(store.fetch(tuned.checkpoint_id, tmp_path / "tuned.safetensors"))
    assert checkpoint.info.stage == "sft"
    assert checkpoint.config.vae == read_header(parent_of(tuned, store, tmp_path)).config.vae
    assert TrainingRun.objects.filter(purpose="dpo", status="waiting").exists()


def parent_of(version: ModelVersion, store: BlobStore, folder: Path) -> Path:
    assert version.parent is not None
    return store.fetch(version.parent.checkpoint_id, folder / "parent.safetensors")
