"""Stage 3 over HTTP, as an annotator's page meets it."""

import io
import subprocess
import sys

import numpy as np
import pytest
from rest_framework.test import APIClient

from engine.alignment.models import Alignment
from engine.generation.models import Candidate
from engine.storage.models import Blob
from engine.workforce.models import Role, WorkItem
from tests import factories as make
from tests.desks import POSE, AlignmentDesk
from tests.integration.alignment.conftest import box_glb

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(annotator):
    return AlignmentDesk(annotator)


@pytest.fixture
def prepared(open_alignment):
    return open_alignment()


def test_from_claim_to_pose(prepared, desk):
    task = desk.claim()
    assert task["initial_pose"] == prepared.initial_pose
    assert (task["lease_seconds"], task["inlier_tolerance_share"]) == (600, 0.05)
    assert task["point_map"]["intrinsics"] == {
        "fx": 200.0, "fy": 200.0, "cx": 80.0, "cy": 60.0, "width": 160, "height": 120,
    }  # fmt: skip
    assert (task["point_map"]["scale"], task["point_map"]["source"]) == ("metric", "given")
    mesh = desk.get(task["mesh_url"])
    assert (mesh["Content-Type"], mesh.body) == ("model/gltf-binary", box_glb())
    with np.load(io.BytesIO(desk.get(task["point_map"]["url"]).body)) as archive:
        assert archive["points_camera"].shape == (120, 160, 3)
    assert desk.get(f"/api/v1/alignments/{task['work_item']}").json()["initial_pose"] == task["initial_pose"]
    response = desk.submit(task, client_silhouette_iou=0.9, client_inlier_share=0.8)
    assert (response.status_code, response.json()) == (200, {"work_item": task["work_item"]})
    alignment = Alignment.objects.get()
    assert alignment.pose == POSE
    assert alignment.work_item.judgement.duration_ms == 140_000
    assert desk.post("/api/v1/alignments/claim").status_code == 204
    assert desk.get(f"/api/v1/alignments/{task['work_item']}").status_code == 404


def test_who_poses_does_not_learn_who_made_the_shape(prepared, desk):
    task = desk.claim()
    desk.get(task["mesh_url"])
    desk.get(f"/api/v1/alignments/{task['work_item']}")
    desk.submit(task, pose=POSE | {"translation": [0, 0, -1]})
    desk.submit(task)
    everything = "\n".join(desk.seen)
    secrets = {
        *Candidate.objects.values_list("generator", flat=True),
        *(str(value) for value in Candidate.objects.values_list("id", flat=True)),
        str(prepared.candidate.seed),
        *Blob.objects.values_list("sha256", flat=True),
    }
    assert [secret for secret in secrets if secret in everything] == []


def test_a_repeated_submit_has_one_effect(prepared, desk):
    task = desk.claim()
    first, again = desk.submit(task, key="pose-1"), desk.submit(task, key="pose-1")
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert desk.submit(task, key="pose-1", pose=POSE | {"scale": [2, 2, 2]}).status_code == 422
    assert Alignment.objects.get().pose == POSE


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"pose": POSE | {"scale": [0, 1, 1]}}, 422, "invalid_pose"),
        ({"pose": POSE | {"rotation_wxyz": [2, 0, 0, 0]}}, 422, "invalid_pose"),
        ({"pose": POSE | {"translation": [0, 0, -3]}}, 422, "invalid_pose"),
        ({"pose": POSE | {"translation": [0, "nan", 3]}}, 400, "invalid"),
        ({"pose": POSE | {"translation": [0, 3]}}, 400, "invalid"),
        ({"pose": {"translation": [0, 0, 3]}}, 400, "invalid"),
        ({"pose": None}, 422, "pose_or_reason"),
        ({"not_alignable": "bad_mesh"}, 422, "pose_or_reason"),
        ({"pose": None, "not_alignable": "lazy"}, 400, "invalid"),
        ({"client_silhouette_iou": 1.5}, 422, "invalid_client_score"),
        ({"token": 77}, 409, "lease_superseded"),
    ],
)
def test_bad_submits_say_what_is_wrong_and_change_nothing(prepared, desk, changes, status, code):
    task = desk.claim()
    response = desk.submit(task, **changes)
    assert (response.status_code, response.json()["type"]) == (status, code), response.content
    assert WorkItem.objects.get(stage="alignment").state == WorkItem.State.LEASED
    assert desk.submit(task).status_code == 200


def test_not_alignable_needs_no_pose(prepared, desk):
    task = desk.claim()
    assert desk.submit(task, pose=None, not_alignable="too_occluded").status_code == 200
    assert Alignment.objects.get().not_alignable == "too_occluded"


def test_mesh_and_task_are_for_their_holder(prepared, desk, other_annotator):
    task = desk.claim()
    other = AlignmentDesk(other_annotator)
    assert other.get(task["mesh_url"]).status_code == 404
    assert other.get(f"/api/v1/alignments/{task['work_item']}").status_code == 404
    assert AlignmentDesk(make.make_user(Role.ARTIST)).post("/api/v1/alignments/claim").status_code == 403
    assert APIClient().get(task["mesh_url"]).status_code == 401


def test_the_web_process_does_not_load_open3d():
    code = "import django, sys; django.setup(); import engine.urls; sys.exit('open3d' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_people_are_shown_the_light_view_of_a_heavy_shape(open_alignment, desk):
    alignment = open_alignment()
    view = make.make_blob(box_glb()[:-4] + b"\0\0\0\0", media_type="model/gltf-binary")
    Candidate.objects.filter(id=alignment.candidate_id).update(view=view)
    response = desk.get(desk.claim()["mesh_url"])
    assert len(response.body) == view.size_bytes
    assert Blob.objects.get(sha256=alignment.candidate.mesh_id) != view
