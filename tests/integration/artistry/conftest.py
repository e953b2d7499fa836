"""A hard case on its way through triage and an artist."""

from collections.abc import Callable

import pytest

from engine.artistry import services, uploads
from engine.artistry.models import ArtistJob, MeshUpload, TriageCase
from engine.lifecycle import State
from engine.sourcing.models import TargetObject
from engine.workforce.models import Role, User
from tests import factories as make
from tests.integration.alignment.conftest import box_glb
from tests.stage_fixtures import handed_over, own_store  # noqa: F401


@pytest.fixture
def artist(db) -> User:
    return make.make_user(Role.ARTIST, username="mira")


@pytest.fixture
def other_artist(db) -> User:
    return make.make_user(Role.ARTIST, username="noor")


@pytest.fixture
def reviewer(db) -> User:
    return make.make_user(Role.REVIEWER, username="rosa")


@pytest.fixture
def sent(monkeypatch) -> list[str]:
    """Checks that were sent to Celery."""
    checks: list[str] = []
    monkeypatch.setattr(uploads, "send_soon", lambda task, **kwargs: checks.append(kwargs["upload_id"]))
    return checks


@pytest.fixture
def hard_target(db) -> TargetObject:
    """Two rounds of candidates were rated under the bar."""
    target = make.make_target(state=State.TRIAGE, image=make.make_image(width_px=160, height_px=120))
    collection = make.make_collection(alpha=0.6)
    for round_number, (rating, reason) in enumerate([(0.4, "occlusion"), (0.2, "transparency")], start=1):
        request = make.make_request(target=target, collection=collection, round=round_number)
        candidates = [make.make_candidate(request=request, content=box_glb()) for _ in range(2)]
        make.make_rated_selection(request=request, candidates=candidates, rating=rating, failure_reason=reason)
    return target


@pytest.fixture
def case(hard_target) -> TriageCase:
    return services.open_triage(target_id=hard_target.id)


@pytest.fixture
def job(case, reviewer, handed_over, sent) -> ArtistJob:  # noqa: F811
    services.choose(actor=reviewer, case_id=case.id, note="clearly visible")
    return services.open_artist_job(target_id=case.target_id)


@pytest.fixture
def submitted(job, artist) -> Callable[..., ArtistJob]:
    def _submitted(pose: dict | None = None) -> ArtistJob:
        task = services.claim(user=artist)
        upload = usable_upload(task)
        return services.submit(
            user=artist,
            work_item_id=task.work_item.id,
            token=task.work_item.fencing_token,
            upload_id=upload.id,
            pose=pose,
            duration_ms=9_000_000,
            guideline_version="v1",
        )

    return _submitted


def usable_upload(task: services.ArtistTask) -> MeshUpload:
    """As the check leaves it, without its cost."""
    return MeshUpload.objects.create(
        job=task.job,
        original=make.make_blob(b"as it came"),
        canonical=make.make_blob(box_glb(), media_type="model/gltf-binary"),
        status="usable",
        vertex_count=8,
        face_count=12,
        watertight=True,
    )
