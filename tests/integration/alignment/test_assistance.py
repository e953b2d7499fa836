"""Snap and other poses over HTTP: the holder's alone, proposals only, and their use is kept with the pose."""

import pytest

from engine.alignment import assistance, preparation, services, tasks
from engine.alignment.models import Alignment, AssistanceUse
from engine.asking import NobodyAnswers
from engine.contracts.glb import MeshPart, write_glb
from engine.contracts.point_maps import pack_point_map
from engine.contracts.poses import Pose
from engine.contracts.serialisation import from_json, to_json
from engine.lifecycle import State
from tests import factories as make
from tests.desks import POSE, AlignmentDesk
from tests.integration.alignment.conftest import box_glb, png
from tests.posed_scenes import CAMERA, posed_scene
from tests.unit.alignment.test_fitting import add_s, nudged

pytestmark = pytest.mark.django_db


@pytest.fixture
def worker(monkeypatch):
    """The worker's tasks, run here."""
    monkeypatch.setattr(assistance, "_at_hand", assistance.AtHand(most_bytes=0))
    by_name = {assistance.SNAP_TASK: tasks.assist_snap, assistance.TRY_OTHERS_TASK: tasks.assist_try_others}

    def ask(task, *, timeout_seconds, **kwargs):
        return by_name[task].apply(kwargs=kwargs | {"added_later": 1}, throw=True).result

    monkeypatch.setattr(assistance, "ask", ask)


@pytest.fixture
def scene():
    return posed_scene("chair")


@pytest.fixture
def chair_alignment(handed_over, sent, scene) -> Alignment:
    image = make.make_image(content=png(scene.pixels), width_px=CAMERA.width, height_px=CAMERA.height)
    camera = {"fx": CAMERA.fx, "fy": CAMERA.fy, "cx": CAMERA.cx, "cy": CAMERA.cy}
    make.make_point_map(image=image, content=pack_point_map(scene.points_camera), **camera)
    target = make.make_target(image=image, mask=scene.mask, state=State.ALIGNING)
    request = make.make_request(target=target)
    glb = write_glb([MeshPart(positions=scene.vertices_object, faces=scene.faces)])
    winner = make.make_candidate(request=request, content=glb)
    loser = make.make_candidate(request=request, generator="retrieval")
    make.make_rated_selection(request=request, candidates=[winner, loser], rating=0.9)
    alignment = services.open_alignment(target_id=target.id)
    preparation.prepare(work_item_id=alignment.pk)
    return alignment


@pytest.fixture
def desk(chair_alignment, annotator) -> AlignmentDesk:
    return AlignmentDesk(annotator)


def path(task, what):
    return f"/api/v1/alignments/{task['work_item']}/{what}"


def test_snap_proposes_a_better_pose_and_changes_nothing(desk, worker, scene):
    task = desk.claim()
    start = nudged(scene.pose, degrees=8, shift_share=0.05, scale=1.08)
    answer = desk.post(path(task, "snap"), {"pose": to_json(start)})
    assert answer.status_code == 200, answer.content
    proposal = answer.json()
    assert proposal["silhouette_iou"] > 0.95
    assert proposal["inlier_share"] > 0.98
    assert proposal["better_turned"] is False
    assert Alignment.objects.get().pose is None


def test_other_poses_contain_the_right_one(desk, worker, scene):
    task = desk.claim()
    found = desk.post(path(task, "try-others"), {"pose": task["initial_pose"]}).json()
    assert 1 <= len(found) <= 6
    assert min(add_s(scene, from_json(Pose, other["pose"])) for other in found) < 0.05


@pytest.mark.parametrize("what", ["snap", "try-others"])
def test_only_the_holder_may_ask_and_only_with_a_pose(desk, worker, other_annotator, what):
    task = desk.claim()
    assert AlignmentDesk(other_annotator).post(path(task, what), {"pose": POSE}).json()["type"] == "no_such_alignment"
    behind = POSE | {"translation": [0.0, 0.0, -1.0]}
    assert desk.post(path(task, what), {"pose": behind}).json()["type"] == "invalid_pose"


def test_without_a_worker_the_person_is_told_to_go_on_by_hand(desk, monkeypatch):
    def nobody(*args, **kwargs):
        raise NobodyAnswers("No worker answered in time.", what_to_do="Go on by hand, or try again in a moment.")

    monkeypatch.setattr(assistance, "ask", nobody)
    answer = desk.post(path(desk.claim(), "snap"), {"pose": POSE})
    assert (answer.status_code, answer.json()["type"]) == (503, "nobody_answers")


def test_how_help_was_used_is_kept_with_the_pose(desk):
    task = desk.claim()
    use = {
        "kind": "snap",
        "silhouette_iou_before": 0.5,
        "silhouette_iou_after": 0.9,
        "inlier_share_before": None,
        "inlier_share_after": None,
        "kept": True,
    }
    assert desk.submit(task, assistance=[use, use | {"kind": "ground", "kept": False}]).status_code == 200
    assert list(AssistanceUse.objects.order_by("id").values_list("kind", "kept")) == [("snap", True), ("ground", False)]


def test_what_helps_is_one_of_the_known_kinds(desk):
    task = desk.claim()
    assert desk.submit(task, assistance=[{"kind": "magic", "kept": True}]).status_code == 400


def test_objects_that_stand_in_the_photograph_are_shown(desk, chair_alignment):
    sibling = make.make_target(image=chair_alignment.target.image, state=State.DONE)
    placed = make.make_candidate(request=make.make_request(target=sibling), content=box_glb())
    make.make_alignment(candidate=placed, point_map=chair_alignment.point_map)
    elsewhere = make.make_candidate(request=make.make_request(target=make.make_target()))
    make.make_alignment(candidate=elsewhere)
    task = desk.claim()
    (other,) = task["placed"]
    assert other["pose"]["translation"] == list(Alignment.objects.get(candidate=placed).pose["translation"])
    mesh = desk.get(other["mesh_url"])
    assert (mesh["Content-Type"], mesh.body) == ("model/gltf-binary", box_glb())
    assert desk.get(other["mesh_url"].replace(str(sibling.id), str(chair_alignment.target_id))).status_code == 404


def test_the_worker_keeps_what_it_was_asked_about_last_within_a_limit(chair_alignment, django_assert_num_queries):
    other = services.open_alignment(target_id=chair_alignment.target_id)
    preparation.prepare(work_item_id=other.pk)
    generous = assistance.AtHand(most_bytes=2**30)
    first = generous.take(chair_alignment.pk)
    generous.take(other.pk)
    with django_assert_num_queries(0):
        assert generous.take(chair_alignment.pk) is first
    narrow = assistance.AtHand(most_bytes=first.size_bytes)
    narrow.take(chair_alignment.pk)
    narrow.take(other.pk)
    assert len(narrow) == 1
    assert first.size_bytes > chair_alignment.target.image.width_px * chair_alignment.target.image.height_px * 12
