"""A store of its own for each test, targets with a real photograph, and answers as a worker gives them."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image as Picture

from engine.contracts.generation import CandidateResult, GenerateReply, ReplyStatus
from engine.contracts.glb import MEDIA_TYPE, fit_to_unit_cube, summarise, write_glb
from engine.generation.models import GenerationRun
from engine.lifecycle import State
from engine.meshes.reading import parts_of
from engine.sourcing.models import TargetObject
from engine.storage import services as storage
from tests import factories


@pytest.fixture(autouse=True)
def store_of_the_test(settings: Any, tmp_path: Path) -> None:
    settings.LATHE_STORAGE_URL = (tmp_path / "blobs").as_uri()


@pytest.fixture
def make_target() -> Callable[..., TargetObject]:
    """A ready target in a photograph that lies in the store."""

    def make(**fields: Any) -> TargetObject:
        buffer = io.BytesIO()
        pixels = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
        Picture.fromarray(pixels).save(buffer, format="PNG")
        image = factories.make_image(content=buffer.getvalue(), width_px=64, height_px=48)
        return factories.make_target(image=image, **({"state": State.READY, "description": "a red mug"} | fields))

    return make


@pytest.fixture
def stored_glb() -> Callable[..., Any]:
    """Store a canonical GLB of a box as a worker does; returns its reference."""

    def store(size: float = 1.0) -> Any:
        parts = fit_to_unit_cube(parts_of([trimesh.creation.box((1.0, size, 1.0))]))
        return storage.store().put(write_glb(parts), media_type=MEDIA_TYPE), summarise(parts)

    return store


@pytest.fixture
def answer(stored_glb: Callable[..., Any]) -> Callable[..., GenerateReply]:
    """A worker's answer to a run: one good candidate per seed unless told otherwise."""

    def make(run: GenerationRun, **fields: Any) -> GenerateReply:
        if "candidates" not in fields:
            fields["candidates"] = tuple(
                CandidateResult(
                    seed=seed,
                    mesh=ref,
                    vertex_count=summary.vertex_count,
                    face_count=summary.face_count,
                    watertight=summary.watertight,
                )
                for seed, (ref, summary) in ((seed, stored_glb(1 + index / 9)) for index, seed in enumerate(run.seeds))
            )
        values: dict[str, Any] = {"status": ReplyStatus.SUCCEEDED, "attempt": run.attempt, "worker": "test"} | fields
        return GenerateReply(run_id=str(run.id), generator=run.generator, **values)

    return make
