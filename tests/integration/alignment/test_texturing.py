"""The second time through Stage 2: textures for the shape that was chosen and posed."""

import json

import numpy as np
import pytest
import trimesh

from engine import sending
from engine.alignment import preparation, texturing
from engine.alignment import services as alignment
from engine.alignment.models import Alignment
from engine.contracts.cameras import Intrinsics, unproject
from engine.contracts.generation import CandidateResult, GenerateReply, GenerateRequest, Modality, ReplyStatus
from engine.contracts.glb import MEDIA_TYPE, MeshPart, read_glb, write_glb
from engine.contracts.point_maps import pack_point_map
from engine.contracts.serialisation import from_json, to_json
from engine.generation import outbox
from engine.generation import services as generation
from engine.generation.models import Candidate, Collection, GenerationRequest, GenerationRun
from engine.lifecycle import State
from engine.selection.models import Selection
from engine.sourcing.models import TargetObject
from engine.storage.services import store
from engine.workforce.models import AuditEvent, Role, WorkItem
from tests import factories as make
from tests.desks import AlignmentDesk, SelectionDesk
from tests.integration.alignment.conftest import box_glb, photograph_png

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sent(monkeypatch) -> list[GenerateRequest]:
    """What was sent to generators, after a trip through JSON."""
    messages: list[GenerateRequest] = []

    def send_task(name, kwargs=None, **options):
        if name == "model_workers.generate":
            messages.append(from_json(GenerateRequest, json.loads(json.dumps(kwargs["message"]))))

    monkeypatch.setattr(sending.app, "send_task", send_task)
    return messages


@pytest.fixture
def posed() -> Alignment:
    """A target of an open collection that wants textures, with its shape chosen and posed: it is done."""
    image = make.make_image(content=photograph_png(), width_px=160, height_px=120)
    camera = Intrinsics(fx=200.0, fy=200.0, cx=80.0, cy=60.0, width=160, height=120)
    points = unproject(np.full((120, 160), 4.0), camera).astype(np.float32)
    make.make_point_map(image=image, content=pack_point_map(points), fx=200.0, fy=200.0)
    target = make.make_target(image=image, state=State.ALIGNING)
    collection = make.make_collection(alpha=0.6, texture_suite={"image_to_3d": 2, "palette": 1})
    request = make.make_request(target=target, collection=collection)
    candidates = [make.make_candidate(request=request, content=box_glb()) for _ in range(2)]
    make.make_rated_selection(request=request, candidates=candidates, rating=0.9)
    item = alignment.open_alignment(target_id=target.id).work_item
    preparation.prepare(work_item_id=item.id)
    desk = AlignmentDesk(make.make_user(Role.ANNOTATOR))
    assert desk.submit(desk.claim()).status_code == 200
    return Alignment.objects.get(work_item=item)


def coloured(glb: bytes, shade: int, *, stretch: float = 1.0) -> bytes:
    (part,) = read_glb(glb)
    positions = np.asarray(part.positions) * (1.0, stretch, 1.0)
    return write_glb([MeshPart(positions, part.faces, colors=np.full((len(positions), 3), shade, np.uint8))])


def answer(run: GenerationRun, *, stretch: float = 1.0) -> None:
    """A generator delivers one texture for each seed."""
    results = []
    for number, seed in enumerate(run.seeds):
        ref = store().put(coloured(box_glb(), 40 * number, stretch=stretch), media_type=MEDIA_TYPE)
        results.append(CandidateResult(seed=seed, mesh=ref, vertex_count=8, face_count=12, watertight=True))
    generation.record_reply(
        reply=GenerateReply(str(run.id), run.attempt, run.generator, ReplyStatus.SUCCEEDED, tuple(results))
    )


def state_of(alignment: Alignment) -> str:
    return TargetObject.objects.get(pk=alignment.target_id).state


def test_a_posed_shape_goes_through_generating_and_selecting_again_and_ends_with_its_texture(posed, sent):
    assert texturing.ask_for_textures() == 1
    generation.publish_waiting_runs()
    assert state_of(posed) == State.GENERATING
    assert {(message.modality, message.generator, len(message.seeds)) for message in sent} == {
        (Modality.TEXTURE, "image_to_3d", 2),
        (Modality.TEXTURE, "palette", 1),
    }
    shape = sent[0].shape
    assert shape is not None
    assert shape.mesh.sha256 == posed.candidate.mesh_id
    assert to_json(shape.pose) == posed.pose
    assert (shape.intrinsics.fx, shape.intrinsics.width) == (200.0, 160)
    assert sent[0].model is None

    for run in GenerationRun.objects.filter(request__modality="texture"):
        answer(run)
    assert state_of(posed) == State.SELECTING

    desk = SelectionDesk(make.make_user(Role.ANNOTATOR))
    task = desk.claim()
    assert (task["modality"], len(task["candidates"])) == ("texture", 3)
    assert task["rubric"]["version"] == task["guidelines"]["version"] == "texture-v1"
    for candidate in task["candidates"]:
        mesh = trimesh.load(trimesh.util.wrap_as_stream(desk.get(candidate["mesh_url"]).body), "glb", force="mesh")
        assert mesh.area == pytest.approx(trimesh.creation.box(extents=(1.0, 0.75, 1.0)).area)
    assert desk.submit(desk.answer_all(task), rating=0.8).status_code == 200

    assert state_of(posed) == State.DONE
    chosen = Selection.objects.of_textures().get()
    assert (chosen.rubric_version, chosen.winner.target_id) == ("texture-v1", posed.target_id)
    assert chosen.request.shape_id == posed.candidate_id
    verbs = AuditEvent.objects.filter(subject_kind="target").values_list("verb", flat=True).order_by("id")
    assert list(verbs)[-3:] == ["texture", "enough_candidates", "accept_texture"]
    assert not any(word in "".join(desk.seen) for word in ("image_to_3d", "palette", posed.candidate.mesh_id))


def test_a_texture_under_the_bar_leaves_the_shape_as_it_was_and_is_not_asked_for_twice(posed):
    texturing.ask_for_textures()
    for run in GenerationRun.objects.filter(request__modality="texture"):
        answer(run)
    desk = SelectionDesk(make.make_user(Role.ANNOTATOR))
    assert desk.submit(desk.answer_all(desk.claim()), rating=0.2, failure_reason="other").status_code == 200
    assert state_of(posed) == State.DONE
    assert texturing.ask_for_textures() == 0
    assert GenerationRequest.objects.filter(modality="texture").count() == 1
    assert alignment.shape_to_pose(target_id=posed.target_id) == posed.candidate


def test_without_enough_textures_the_target_is_done_as_it_was(posed):
    texturing.ask_for_textures()
    for run in GenerationRun.objects.filter(request__modality="texture"):
        generation.record_reply(
            reply=GenerateReply(str(run.id), run.attempt, run.generator, ReplyStatus.FAILED, error="no colours")
        )
    assert state_of(posed) == State.DONE
    assert not WorkItem.objects.filter(subject_id=posed.target_id, created_at__gt=posed.submitted_at).exists()


def test_a_texture_on_another_shape_is_refused(posed):
    texturing.ask_for_textures()
    painted, reshaped = GenerationRun.objects.filter(request__modality="texture").order_by("generator")
    answer(painted)
    answer(reshaped, stretch=0.8)
    reshaped.refresh_from_db()
    assert reshaped.status == "failed"
    assert "the shape was changed" in reshaped.error
    assert Candidate.objects.filter(run=painted).count() == 2


def test_a_collection_that_wants_no_textures_asks_for_none(posed):
    Collection.objects.update(texture_suite={})
    assert texturing.ask_for_textures() == 0
    assert state_of(posed) == State.DONE


def test_further_rounds_of_shapes_do_not_count_textures(posed):
    texturing.ask_for_textures()
    collection, round_number = generation._next_round(posed.target_id)
    assert (collection.iteration, round_number) == (1, 2)


def test_two_at_once_ask_once(posed, monkeypatch):
    both_see = TargetObject.objects.filter(pk=posed.target_id)
    monkeypatch.setattr(generation, "targets_to_texture", lambda collection: both_see)
    assert [texturing.ask_for_textures() for _ in range(2)] == [1, 0]
    assert outbox.publish_waiting_runs() == 2
