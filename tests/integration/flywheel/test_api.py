"""The flywheel over HTTP, as an ML engineer's program sees it."""

import json
import subprocess
import sys
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from engine.flywheel import services
from engine.flywheel.models import Iteration, ModelVersion
from engine.workforce.models import AuditEvent, Role
from tests import factories as make
from tests.queries import MOST_OF_A_REQUEST, at_most


def client_of(*roles: Role) -> APIClient:
    client = APIClient()
    client.force_login(make.make_user(*roles), backend="engine.workforce.authentication.PeopleBackend")
    return client


@pytest.fixture
def engineer(world) -> APIClient:
    return client_of(Role.ML_ENGINEER)


def post(client: APIClient, path: str, body: dict | None = None, *, key: str | None = None):
    return client.post(f"/api/v1/{path}", body or {}, format="json", headers={"Idempotency-Key": key or str(uuid4())})


def test_an_engineer_starts_an_iteration_and_follows_it_to_its_end(world, engineer) -> None:
    world.add_target()
    with at_most(MOST_OF_A_REQUEST):
        answer = post(engineer, "flywheel/iterations/", {"alpha": 0.5, "settings": {"target_limit": 3}})
    assert answer.status_code == 201
    assert (answer.json()["number"], answer.json()["settings"]["target_limit"]) == (1, 3)
    assert Iteration.objects.get().started_by is not None

    world.run_until(Iteration.Step.SFT)
    with at_most(MOST_OF_A_REQUEST):
        iteration = engineer.get("/api/v1/flywheel/iterations/1/").json()
    assert iteration["step"] == "sft"
    assert iteration["progress"] == {
        "pretrain": {"done": 1, "total": 1, "note": "succeeded"},
        "collecting": {"done": 1, "total": 1, "note": "1 done"},
        "freezing": {"done": 1, "total": 1, "note": "1 examples"},
        "sft": {"done": 0, "total": 1, "note": "sent"},
    }
    world.run_until(Iteration.Step.DONE)
    iteration = engineer.get("/api/v1/flywheel/iterations/1/").json()
    assert iteration["decision"]["outcome"] == "promoted"
    assert [run["purpose"] for run in iteration["runs"]] == ["pretrain", "sft", "dpo", "evaluate_base", "evaluate_new"]

    with at_most(MOST_OF_A_REQUEST):
        versions = engineer.get("/api/v1/model-versions/").json()["results"]
    assert [(row["name"], row["parent"], row["promoted"]) for row in versions] == [
        ("k1-dpo", "k1-sft", True),
        ("k1-sft", "k0-pretrain", False),
        ("k0-pretrain", None, False),
    ]
    assert versions[0]["metrics"] == {"voxel_iou": 0.5}

    with at_most(MOST_OF_A_REQUEST):
        (snapshot,) = engineer.get("/api/v1/snapshots/").json()["results"]
    with at_most(MOST_OF_A_REQUEST):
        detail = engineer.get(f"/api/v1/snapshots/{snapshot['id']}/").json()
    assert detail["sha256"] == iteration["snapshot_sha256"]
    assert [file["name"] for file in detail["files"]] == ["examples-000000.tar", "examples.parquet", "pairs.parquet"]
    manifest = b"".join(engineer.get(detail["manifest_url"]).streaming_content)
    assert json.loads(manifest)["counts"] == detail["counts"]


def test_the_same_start_twice_starts_one_iteration(world, engineer) -> None:
    first, second = (post(engineer, "flywheel/iterations/", {"alpha": 0.5}, key="one") for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert post(engineer, "flywheel/iterations/", {"alpha": 0.5}).status_code == 409


def test_resume_after_a_failure_and_its_refusal_without_one(world, engineer) -> None:
    world.add_target()
    services.start(alpha=0.5)
    assert post(engineer, "flywheel/iterations/1/resume").json()["type"] == "nothing_to_resume"
    world.run_until(Iteration.Step.SFT)
    world.answer(failing="the loss is not finite")
    with at_most(MOST_OF_A_REQUEST):
        answer = post(engineer, "flywheel/iterations/1/resume", {"skip": True})
    assert (answer.status_code, answer.json()["skipped"]) == (200, {"sft": "left out by hand"})
    assert AuditEvent.objects.filter(verb="resume", actor__isnull=False).exists()


def test_stop_collecting_over_http(world, engineer) -> None:
    make.make_model_version(promoted=True, checkpoint=make.make_blob(b"base"))
    world.add_target()
    services.start(alpha=0.5)
    world.tick()
    with at_most(MOST_OF_A_REQUEST):
        assert post(engineer, "flywheel/iterations/1/stop-collecting").status_code == 200
    world.tick()
    assert Iteration.objects.get().step == Iteration.Step.FREEZING


def test_promotion_by_hand(world, engineer) -> None:
    make.make_model_version(name="old", promoted=True)
    new = make.make_model_version(name="new")
    with at_most(MOST_OF_A_REQUEST):
        answer = post(engineer, f"model-versions/{new.id}/promote")
    assert (answer.status_code, answer.json()["promoted"]) == (200, True)
    assert ModelVersion.objects.get(promoted=True) == new
    assert post(engineer, f"model-versions/{uuid4()}/promote").json()["type"] == "no_such_model_version"


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({}, 400, "invalid"),
        ({"alpha": 1.2}, 400, "invalid"),
        ({"alpha": 0.5, "settings": {"sweet": 1}}, 422, "unusable_settings"),
    ],
)
def test_bad_requests_are_explained(world, engineer, body, status, kind) -> None:
    answer = post(engineer, "flywheel/iterations/", body)
    assert (answer.status_code, answer.json()["type"]) == (status, kind)


def test_annotators_see_where_it_stands_and_nothing_else(world) -> None:
    world.add_target()
    services.start(alpha=0.5)
    world.run_until(Iteration.Step.SFT)
    world.answer(failing="sam3d out of memory")
    annotator = client_of(Role.ANNOTATOR)
    with at_most(8):
        status = annotator.get("/api/v1/flywheel/status/").json()
    assert status == {
        "iteration": {"number": 1, "step": "sft", "failed": True, "failure": "", "alpha": 0.5},
        "promoted": None,
    }
    assert "out of memory" in client_of(Role.ML_ENGINEER).get("/api/v1/flywheel/status/").json()["iteration"]["failure"]
    for path in ("flywheel/iterations/1/", "model-versions/", "snapshots/"):
        assert annotator.get(f"/api/v1/{path}").status_code == 403
    assert post(annotator, "flywheel/iterations/", {"alpha": 0.5}).status_code == 403
    assert APIClient().get("/api/v1/flywheel/status/").status_code in (401, 403)


class TestAdmin:
    """The pages of the dashboard open, within twelve queries of their own."""

    @pytest.fixture
    def admin(self, world, client):
        world.add_target()
        services.start(alpha=0.5)
        world.run_until(Iteration.Step.DONE)
        services.start(alpha=0.6)
        world.tick()
        world.judge_everything()
        user = make.make_user(Role.ADMIN, is_staff=True, is_superuser=True)
        client.force_login(user)
        return client

    @pytest.mark.parametrize("model", ["iteration", "modelversion", "trainingrun"])
    def test_lists_and_pages_of_the_flywheel(self, admin, model) -> None:
        with at_most(MOST_OF_A_REQUEST):
            page = admin.get(f"/admin/flywheel/{model}/")
        assert page.status_code == 200
        row = page.context["cl"].result_list[0]
        assert admin.get(f"/admin/flywheel/{model}/{row.pk}/change/").status_code == 200

    def test_snapshots(self, admin) -> None:
        with at_most(MOST_OF_A_REQUEST):
            page = admin.get("/admin/datasets/snapshot/")
        row = page.context["cl"].result_list[0]
        text = admin.get(f"/admin/datasets/snapshot/{row.pk}/change/").content.decode()
        assert "examples-000000.tar" in text

    def test_the_dashboard_shows_the_iteration_and_the_counts(self, admin) -> None:
        with at_most(MOST_OF_A_REQUEST):
            text = admin.get("/admin/").content.decode()
        for words in ("Iteration 2", "collecting", "k1-dpo", "retrieval"):
            assert words in text


def test_the_web_process_does_not_import_pyarrow() -> None:
    code = (
        "import django; django.setup(); from django.urls import get_resolver; get_resolver().url_patterns;"
        "import sys; print(sorted({'pyarrow', 'torch', 'open3d', 'webdataset'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == "[]"
