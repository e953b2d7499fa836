"""The curriculum gives waiting work its order, keeps the distribution on record, and is changed by engineers."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from engine.lifecycle import State
from engine.sourcing import planning, services
from engine.sourcing.models import CurriculumPlan, CurriculumSettings, Image, MaskTask
from engine.workforce import services as workforce
from engine.workforce.models import Role, Stage, WorkItem
from tests.factories import make_image, make_target, make_user
from tests.integration.sourcing.photographs import photograph, square
from tests.queries import at_most

pytestmark = pytest.mark.django_db


@pytest.fixture
def image() -> Image:
    return services.register_image(data=photograph(), source="one")


def waiting(image: Image, category: str, count: int = 1) -> list[WorkItem]:
    targets = [
        services.register_target(image_id=image.id, mask=square(), source=f"{category}{number}", category=category)
        for number in range(count)
    ]
    return [WorkItem.objects.get(subject_id=target.id) for target in targets]


def band(item: WorkItem) -> int:
    item.refresh_from_db()
    return item.priority_band


def test_simple_and_missing_geometry_is_claimed_first(image: Image) -> None:
    planning.settings_row()
    CurriculumSettings.objects.update(horizon=20)
    done = make_image()
    for _ in range(30):
        make_target(image=done, category="mug", state=State.READY)
    (dog,) = waiting(image, "dog")
    mugs = waiting(image, "mug", count=8)
    (ball,) = waiting(image, "ball")
    plan = planning.plan()
    assert band(ball) < min(band(mug) for mug in mugs)
    assert (plan.done_objects, plan.waiting_objects) == (30, 10)
    assert plan.categories["ball"]["planned_share"] == pytest.approx(0.1)
    assert plan.tiers["simple"]["current_share"] == 1
    assert workforce.claim(user=make_user(Role.ANNOTATOR), stage=Stage.MASK).work_item in (ball, dog)
    assert planning.plan().moved_items <= 10


def test_what_was_put_first_or_last_and_what_is_held_stays(image: Image) -> None:
    first, last, held, open_item = waiting(image, "mug", count=4)
    WorkItem.objects.filter(id=first.id).update(priority_band=0)
    WorkItem.objects.filter(id=last.id).update(priority_band=9)
    WorkItem.objects.filter(id=held.id).update(
        state="leased", holder=make_user(), lease_expires_at=held.created_at, priority_band=4
    )
    assert planning.plan().moved_items == 1
    assert [band(item) for item in (first, last, held)] == [0, 9, 4]
    assert band(open_item) != 4


def test_other_purposes_keep_their_place(image: Image) -> None:
    (item,) = waiting(image, "mug")
    gold = workforce.create_work_item(stage=Stage.MASK, subject_id=item.subject_id, purpose=WorkItem.Purpose.GOLD)
    MaskTask.objects.create(work_item=gold, image=image, target_id=item.subject_id)
    planning.plan()
    assert band(gold) == 1


def put(client: Client, path: str, body: dict[str, Any] | None, method: str = "put") -> Any:
    send = getattr(client, method)
    return send(
        f"/api/v1/curriculum/{path}",
        json.dumps(body),
        content_type="application/json",
        headers={"Idempotency-Key": str(uuid4())},
    )


def test_engineers_read_plan_and_settings_and_change_them(image: Image) -> None:
    waiting(image, "mug")
    client = Client()
    client.force_login(make_user(Role.ML_ENGINEER))
    with at_most(12):
        first = client.get("/api/v1/curriculum/").json()
    assert CurriculumPlan.objects.count() == 1
    assert client.get("/api/v1/curriculum/").json() == first
    assert len(first["categories"]) == 345
    assert sum(row["target_share"] for row in first["categories"]) == pytest.approx(1)
    changed = put(client, "settings", first["settings"] | {"goal_objects": 7}).json()
    assert changed["settings"]["goal_objects"] == 7
    assert len(changed["history"]) == 2
    assert put(client, "plan", None, method="post").status_code == 200
    answer = put(client, "settings", first["settings"] | {"simple_at_end": 0.9})
    assert (answer.status_code, CurriculumSettings.objects.get().simple_at_end) == (400, 0.4)


def test_annotators_do_not_plan() -> None:
    client = Client()
    client.force_login(make_user(Role.ANNOTATOR))
    assert client.get("/api/v1/curriculum/").status_code == 403
    assert put(client, "plan", None, method="post").status_code == 403
