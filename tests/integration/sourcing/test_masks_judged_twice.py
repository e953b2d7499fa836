"""Second opinions on masks: the same question to somebody else, who cannot tell, and nothing moves."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from engine.contracts.masks import encode_mask
from engine.contracts.serialisation import to_json
from engine.lifecycle import State
from engine.sourcing import proposing, services
from engine.sourcing.models import Image, MaskTask, TargetObject
from engine.workforce import reviews, second_opinions
from engine.workforce.models import Judgement, Role, SecondOpinion, Stage, StageShares, User
from tests.factories import make_user
from tests.integration.sourcing.photographs import photograph, square
from tests.queries import at_most

pytestmark = pytest.mark.django_db
ACT = {"duration_ms": 6200, "guideline_version": "v2"}


class Annotator:
    """Somebody at the Stage 1 page, who keeps all that the server says."""

    def __init__(self, name: str) -> None:
        self.user: User = make_user(Role.ANNOTATOR, username=name)
        self.client = Client()
        self.client.force_login(self.user, backend="engine.workforce.authentication.PeopleBackend")
        self.told: list[str] = []

    def post(self, path: str, body: dict[str, Any] | None = None, *, most: int = 8) -> Any:
        headers = {"Idempotency-Key": str(uuid4())}
        with at_most(most):
            answer = self.client.post(
                f"/api/v1/{path}", json.dumps(body or {}), content_type="application/json", headers=headers
            )
        self.told += [answer.content.decode(), str(dict(answer.items()))]
        return answer

    def claim(self) -> dict[str, Any] | None:
        answer = self.post("masks/claim")
        return None if answer.status_code == 204 else dict(answer.json())

    def judge(self, task: dict[str, Any] | None, **body: Any) -> None:
        assert task is not None
        answer = self.post(f"masks/{task['work_item']}/submit", {"token": task["token"]} | ACT | body, most=12)
        assert answer.status_code == 200, answer.content
        second_opinions.settle()


@pytest.fixture
def image() -> Image:
    return services.register_image(data=photograph(), source="one.png")


@pytest.fixture
def target(image: Image) -> TargetObject:
    return services.register_target(image_id=image.id, mask=square(), source="m", category="mug", description="a mug")


@pytest.fixture
def ann(target: TargetObject) -> Annotator:
    return Annotator("ann")


@pytest.fixture
def bob() -> Annotator:
    return Annotator("bob")


def shares(**values: float) -> None:
    StageShares.objects.update_or_create(stage=Stage.MASK, defaults=values)


def drawn(side: int) -> dict[str, Any]:
    return dict(to_json(encode_mask(square(side=side))))


def test_the_second_person_sees_the_proposal_as_the_first_one_did(
    target: TargetObject, ann: Annotator, bob: Annotator
) -> None:
    shares(overlap_share=1.0)
    first = ann.claim()
    ann.judge(first, verdict="refine", mask=drawn(20), category="teapot")
    second = bob.claim()
    assert first is not None
    assert second is not None
    lease = {"work_item", "token", "lease_expires_at", "image"}  # a URL is signed anew
    assert {k: v for k, v in second.items() if k not in lease} == {k: v for k, v in first.items() if k not in lease}
    assert ann.claim() is None


def test_a_second_verdict_is_compared_and_moves_nothing(target: TargetObject, ann: Annotator, bob: Annotator) -> None:
    shares(overlap_share=1.0)
    ann.judge(ann.claim(), verdict="refine", mask=drawn(20), category="teapot")
    target.refresh_from_db()
    before = (target.state, target.mask_counts, target.category)
    assert before[0] == State.READY
    bob.judge(bob.claim(), verdict="discard", discard_reason="partial")
    target.refresh_from_db()
    assert (target.state, target.mask_counts, target.category) == before
    opinion = SecondOpinion.objects.get()
    assert (opinion.agrees, opinion.measures) == (False, {"iou": None, "same_verdict": False})
    assert Judgement.objects.filter(disagrees=True).count() == 2


@pytest.mark.parametrize(("side", "agrees"), [(20, True), (19, True), (16, False)])
def test_two_drawn_masks_are_laid_over_each_other(ann: Annotator, bob: Annotator, side: int, agrees: bool) -> None:
    shares(overlap_share=1.0)
    ann.judge(ann.claim(), verdict="refine", mask=drawn(20), category="teapot")
    bob.judge(bob.claim(), verdict="refine", mask=drawn(side))
    opinion = SecondOpinion.objects.get()
    assert opinion.agrees is agrees
    assert opinion.measures == {"iou": pytest.approx(side**2 / 400), "same_verdict": True, "same_category": False}


def test_what_one_person_marked_another_one_marks_without_seeing_it(image: Image, bob: Annotator) -> None:
    shares(overlap_share=1.0)
    ann = Annotator("ann")
    proposing.ask_people(image=image, hint="a mug")
    ann.judge(ann.claim(), verdict="propose", mask=drawn(20), category="mug")
    task = bob.claim()
    assert task is not None
    assert (task["wants_proposal"], task["marked"], task["category"], task["description"]) == (True, [], "", "a mug")
    bob.judge(task, verdict="propose", mask=drawn(19), category="mugs")
    assert TargetObject.objects.count() == 1
    opinion = SecondOpinion.objects.get()
    assert opinion.measures == {"iou": pytest.approx(361 / 400), "same_verdict": True, "same_category": True}


def test_a_second_person_who_finds_no_object_refuses_no_photograph(image: Image, bob: Annotator) -> None:
    shares(overlap_share=1.0)
    ann = Annotator("ann")
    proposing.ask_people(image=image)
    ann.judge(ann.claim(), verdict="propose", mask=drawn(20))
    bob.judge(bob.claim(), verdict="discard", discard_reason="no_salient_object")
    image.refresh_from_db()
    assert image.screening == "passed"
    assert SecondOpinion.objects.get().agrees is False


def test_a_gold_mask_is_asked_once_of_each_person_and_nobody_can_tell(
    image: Image, ann: Annotator, bob: Annotator
) -> None:
    ann.judge(ann.claim(), verdict="refine", mask=drawn(20))
    known = Judgement.objects.get()
    reviews.mark_gold(reviewer=make_user(Role.REVIEWER), work_item_id=known.pk)
    shares(gold_share=1.0, overlap_share=1.0)
    kinds: dict[str, set[str]] = {}
    for number in range(3):
        services.register_target(image_id=image.id, mask=square(side=8 + number), source=f"other{number}")
        while (task := bob.claim()) is not None:
            purpose = MaskTask.objects.get(pk=task["work_item"]).work_item.purpose
            kinds.setdefault(purpose, set()).add(str(sorted(task)))
            bob.judge(task, verdict="verify")
    assert sum(kind.purpose == "gold" for kind in [task.work_item for task in MaskTask.objects.all()]) == 1
    assert set(kinds) == {"collect", "gold"}
    assert kinds["collect"] == kinds["gold"]
    bob.told.append(bob.client.get("/api/v1/me/").content.decode())
    for word in ("gold", "overlap", "purpose", "collect", "reference", "second_opinion", "reserved"):
        assert word not in "".join(bob.told)
