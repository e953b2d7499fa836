"""A target whose accepted shape, a box, lies where the arithmetic of a pinhole camera says."""

import io
from collections.abc import Callable

import numpy as np
import pytest
import trimesh
from PIL import Image

from engine.alignment import preparation, services
from engine.alignment.models import Alignment
from engine.contracts.cameras import Intrinsics, unproject
from engine.contracts.glb import MeshPart, write_glb
from engine.contracts.point_maps import pack_point_map
from engine.lifecycle import State
from engine.workforce.models import Role, User
from tests import factories as make
from tests.stage_fixtures import handed_over, own_store  # noqa: F401

CAMERA = Intrinsics(fx=200.0, fy=200.0, cx=80.0, cy=60.0, width=160, height=120)


def box_glb() -> bytes:
    box = trimesh.creation.box(extents=(1.0, 0.75, 1.0))
    return write_glb([MeshPart(positions=np.asarray(box.vertices, np.float32), faces=np.asarray(box.faces, np.uint32))])


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def photograph_png() -> bytes:
    """A ramp from black to red along the columns."""
    pixels = np.zeros((CAMERA.height, CAMERA.width, 3), dtype=np.uint8)
    pixels[..., 0] = np.arange(CAMERA.width)
    return png(pixels)


@pytest.fixture
def annotator(db) -> User:
    return make.make_user(Role.ANNOTATOR, username="ann")


@pytest.fixture
def other_annotator(db) -> User:
    return make.make_user(Role.ANNOTATOR, username="bob")


@pytest.fixture
def sent(monkeypatch) -> list[tuple[str, dict]]:
    """Tasks that were sent to Celery."""
    tasks: list[tuple[str, dict]] = []
    monkeypatch.setattr(services, "send_soon", lambda task, **kwargs: tasks.append((task, kwargs)))
    return tasks


@pytest.fixture
def open_alignment(db, handed_over, sent) -> Callable[..., Alignment]:  # noqa: F811
    def _open(*, layout: dict | None = None, points: np.ndarray | None = None, prepared: bool = True) -> Alignment:
        image = make.make_image(content=photograph_png(), width_px=CAMERA.width, height_px=CAMERA.height)
        if points is None:
            points = unproject(np.full((CAMERA.height, CAMERA.width), 4.0), CAMERA)
        make.make_point_map(
            image=image, content=pack_point_map(points.astype(np.float32)), fx=200.0, fy=200.0, cx=80.0, cy=60.0
        )
        target = make.make_target(image=image, state=State.ALIGNING)
        request = make.make_request(target=target)
        winner = make.make_candidate(request=request, content=box_glb(), layout=layout, seed=9_000_000_000_001)
        loser = make.make_candidate(request=request, generator="retrieval")
        make.make_rated_selection(request=request, candidates=[winner, loser], rating=0.9)
        alignment = services.open_alignment(target_id=target.id)
        if prepared:
            preparation.prepare(work_item_id=alignment.pk)
            alignment.refresh_from_db()
        return alignment

    return _open
