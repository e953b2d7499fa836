"""What people are shown of a candidate: light, bare, and made by a worker; the original is kept."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import DracoPy
import numpy as np
import pytest
import trimesh
from django.utils import timezone

from engine.celery import app
from engine.contracts.blobs import BlobRef
from engine.contracts.generation import GenerateReply, Modality
from engine.contracts.glb import MEDIA_TYPE, MeshPart, check_canonical, read_glb, unpack_glb, write_glb
from engine.contracts.splats import MEDIA_TYPE as SPLAT_MEDIA_TYPE
from engine.contracts.splats import write_splat
from engine.generation import services, views
from engine.generation.models import Candidate, GenerationRun
from engine.lifecycle import ON_ENTRY, State
from engine.meshes.packing import EXTENSION
from engine.meshes.viewing import reduced
from engine.storage import services as storage
from tests import factories
from tests.splats import foreign_ply, some_splat

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the tasks that were sent."""
    names: list[str] = []
    monkeypatch.setattr(app, "send_task", lambda name, **kwargs: names.append(name))
    monkeypatch.setattr("engine.dispatch.ON_ENTRY", {State.GENERATING: ON_ENTRY[State.GENERATING]})
    return names


def painted_sphere(subdivisions: int = 2) -> bytes:
    """A red sphere, in two parts."""
    sphere = trimesh.creation.icosphere(subdivisions=subdivisions, radius=0.5)
    half = len(sphere.faces) // 2
    red = np.tile(np.array([[200, 20, 20]], np.uint8), (len(sphere.vertices), 1))
    return write_glb(
        [MeshPart(sphere.vertices, sphere.faces[:half], colors=red), MeshPart(sphere.vertices, sphere.faces[half:])]
    )


def shown(candidate: Candidate) -> list[MeshPart]:
    candidate.refresh_from_db()
    assert candidate.view is not None
    return read_glb(storage.read_blob(blob=candidate.view))


def test_a_shape_is_shown_bare_and_its_original_is_kept() -> None:
    candidate = factories.make_candidate(content=painted_sphere())
    assert services.make_missing_views() == 1
    (part,) = shown(candidate)
    assert (part.colors, len(part.faces)) == (None, 320)
    assert storage.read_blob(blob=candidate.mesh) == painted_sphere()
    assert services.make_missing_views() == 0


def test_a_texture_is_shown_with_its_colours() -> None:
    shape = factories.make_candidate(content=painted_sphere())
    pose = {"shape_pose": {}, "shape_intrinsics": {}}
    request = factories.make_request(target=shape.target, modality=Modality.TEXTURE, shape=shape, **pose)
    candidate = factories.make_candidate(request=request, content=painted_sphere())
    services.make_missing_views()
    candidate.refresh_from_db()
    assert candidate.view_id == candidate.mesh_id


def test_a_large_bare_shape_is_packed_and_looks_the_same() -> None:
    sphere = trimesh.creation.icosphere(subdivisions=6, radius=0.5)
    plain = write_glb([MeshPart(sphere.vertices, sphere.faces)])
    candidate = factories.make_candidate(content=plain)
    assert services.make_missing_views() == 1
    candidate.refresh_from_db()
    assert candidate.view is not None
    sent = storage.read_blob(blob=candidate.view)
    assert len(sent) < len(plain) / 15
    document, binary = unpack_glb(sent)
    (primitive,) = document["meshes"][0]["primitives"]
    assert primitive["extensions"] == {EXTENSION: {"bufferView": 0, "attributes": {"POSITION": 0}}}
    assert "materials" not in document
    assert document["extensionsRequired"] == [EXTENSION]
    found = DracoPy.decode(bytes(binary))
    assert [a["count"] for a in document["accessors"]] == [len(found.points), 3 * len(sphere.faces)]
    area = trimesh.Trimesh(found.points, found.faces, process=False).area
    assert area == pytest.approx(sphere.area, rel=1e-3)
    assert np.linalg.norm(found.points, axis=1) == pytest.approx(0.5, abs=1e-4)
    assert read_glb(storage.read_blob(blob=candidate.mesh))


def test_a_shape_that_cannot_be_packed_is_sent_as_it_is_and_holds_no_other_up() -> None:
    corners = np.array([[-0.5, -0.5, -0.5], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5]])
    flat = factories.make_candidate(content=write_glb([MeshPart(corners, np.zeros((20_000, 3), np.int64))]))
    sound = factories.make_candidate(content=painted_sphere())
    assert services.make_missing_views() == 2
    assert sum(len(part.faces) for part in shown(flat)) == 20_000
    assert shown(sound)


def test_a_heavy_mesh_is_reduced_for_the_eye_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "reduced", partial(reduced, most_faces=1_000))
    candidate = factories.make_candidate(content=painted_sphere(subdivisions=4))
    services.make_missing_views()
    assert 800 < sum(len(part.faces) for part in shown(candidate)) <= 1_000
    assert candidate.view is not None
    check_canonical(storage.read_blob(blob=candidate.view), max_bytes=10**6, max_faces=1_000)
    assert sum(len(part.faces) for part in read_glb(storage.read_blob(blob=candidate.mesh))) == 5_120


def test_until_the_view_is_made_the_shape_is_bare_all_the_same() -> None:
    candidate = factories.make_candidate(content=painted_sphere())
    content = services.view_of(candidate)
    assert content is not None
    assert [part.colors for part in read_glb(content)] == [None]


def test_one_that_cannot_be_read_holds_no_other_up() -> None:
    factories.make_candidate(content=b"no mesh at all")
    sound = factories.make_candidate(content=painted_sphere())
    assert services.make_missing_views() == 1
    assert shown(sound)


def test_a_forgotten_candidate_is_looked_after(sent: list[str]) -> None:
    candidate = factories.make_candidate(content=painted_sphere())
    services.resend_missing_views()
    assert sent == []
    Candidate.objects.filter(id=candidate.id).update(created_at=timezone.now() - timedelta(minutes=2))
    services.resend_missing_views()
    assert sent == ["engine.generation.tasks.make_views"]


@pytest.fixture
def run(sent: list[str], make_target: Callable[..., Any]) -> GenerationRun:
    make_target()
    services.open_collection(iteration=1, alpha=0.5, suite={"sam3d": 2})
    services.request_ready_targets()
    services.publish_waiting_runs()
    return GenerationRun.objects.get()


def with_splats(reply: GenerateReply, *contents: bytes) -> GenerateReply:
    refs: list[BlobRef] = [storage.store().put(content, media_type=SPLAT_MEDIA_TYPE) for content in contents]
    candidates = [replace(result, splat=ref) for result, ref in zip(reply.candidates, refs, strict=True)]
    return replace(reply, candidates=tuple(candidates))


@pytest.mark.django_db(transaction=True)
def test_recording_an_answer_asks_for_the_views(
    run: GenerationRun, answer: Callable[..., GenerateReply], sent: list[str]
) -> None:
    services.record_reply(reply=answer(run))
    assert "engine.generation.tasks.make_views" in sent
    assert services.make_missing_views() == 2
    assert {blob.media_type for blob in {candidate.view for candidate in Candidate.objects.all()} if blob} == {
        MEDIA_TYPE
    }


def test_a_canonical_splat_is_recorded_and_a_foreign_one_refused(
    run: GenerationRun, answer: Callable[..., GenerateReply]
) -> None:
    foreign = foreign_ply(some_splat(5), comments=["made by generator-x"], also=[])
    services.record_reply(reply=with_splats(answer(run), write_splat(some_splat(30)), foreign))
    candidate = Candidate.objects.get()
    assert candidate.splat is not None
    assert (candidate.splat.media_type, candidate.mesh.media_type) == (SPLAT_MEDIA_TYPE, MEDIA_TYPE)
    run.refresh_from_db()
    assert "canonical form" in run.error
