"""Gold tasks and overlaps: drawn with a submit, opened and compared by the worker, never twice for one person."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from engine.workforce import agreement, second_opinions, services, statistics
from engine.workforce.models import Judgement, SecondOpinion, Stage, StageShares, User, WorkItem
from engine.workforce.second_look import Agreement, NothingToCompare, OpenItem, SecondLook
from tests.factories import make_judgement, make_user
from tests.integration.workforce.steps import claim, claimed, submit, want

pytestmark = pytest.mark.django_db

A_MOMENT = datetime(2026, 11, 30, tzinfo=UTC)


@dataclass
class Room:
    """A stage's room that remembers what it was asked, and finds what it is told to."""

    asked: list[tuple[UUID, UUID]] = field(default_factory=list)
    agrees: bool = True
    failing: set[UUID] = field(default_factory=set)

    def ask_again(self, *, reference: WorkItem, work_item: WorkItem) -> None:
        self.asked.append((reference.id, work_item.id))

    def compare(self, item: WorkItem, reference: WorkItem) -> Agreement:
        if item.id in self.failing:
            raise OSError("the object store is away")
        return Agreement(agrees=self.agrees, measures={"iou": 0.9, "same_verdict": True, "nothing": None})

    def take_back(self, *, judgement: Judgement, actor: User, by_others: bool, open_item: OpenItem) -> WorkItem:
        raise AssertionError("not asked here")


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Room:
    room = Room()
    look = SecondLook(ask_again=room.ask_again, compare=room.compare, take_back=room.take_back)
    monkeypatch.setattr(second_opinions, "second_look", lambda stage: look)
    return room


def shares(**values: float) -> None:
    StageShares.objects.update_or_create(stage=Stage.MASK, defaults=values)


def judged(user: User, **fields: object) -> WorkItem:
    want(**fields)
    return submit(user, claimed(user))


def golden(user: User | None = None) -> WorkItem:
    """A judgement that a reviewer marked as gold."""
    item = WorkItem.objects.create(
        stage=Stage.MASK, subject_id=uuid4(), state="done", done_at=timezone.now(), random_key=0.5
    )
    make_judgement(
        item=item, user=user or make_user(), review="gold", reviewed_by=make_user(), reviewed_at=timezone.now()
    )
    return item


def test_without_shares_nothing_is_drawn(room: Room) -> None:
    judged(make_user())
    assert second_opinions.settle() == 0
    assert not SecondOpinion.objects.exists()


def test_an_overlap_is_for_everybody_but_the_author(room: Room) -> None:
    shares(overlap_share=1.0)
    ann, bob = make_user(), make_user()
    item = judged(ann)
    assert second_opinions.settle() == 1
    assert claim(ann) is None
    second = claimed(bob)
    assert (second.subject_id, second.purpose, second.priority_band) == (item.subject_id, "overlap", item.priority_band)
    assert room.asked == [(item.id, second.id)]
    submit(bob, second)
    assert second_opinions.settle() == 1
    opinion = SecondOpinion.objects.get()
    assert (opinion.state, opinion.person, opinion.reference_person, opinion.agrees) == ("compared", bob, ann, True)
    assert opinion.measures["iou"] == 0.9


def test_a_second_opinion_draws_no_third_one(room: Room) -> None:
    shares(overlap_share=1.0, gold_share=0.0)
    judged(make_user())
    second_opinions.settle()
    bob = make_user()
    submit(bob, claimed(bob))
    second_opinions.settle()
    assert SecondOpinion.objects.count() == 1


def test_gold_is_kept_for_the_one_who_drew_it_and_comes_first(room: Room) -> None:
    shares(gold_share=1.0)
    known = golden()
    ann, bob = make_user(), make_user()
    judged(ann)
    want(priority_band=0)
    second_opinions.settle()
    assert claimed(bob).purpose == "collect"
    gold = claimed(ann)
    assert (gold.purpose, gold.subject_id, gold.reserved_for) == ("gold", known.subject_id, ann)


def test_nobody_meets_the_same_gold_twice(room: Room) -> None:
    shares(gold_share=1.0)
    subjects = {golden().subject_id for _ in range(3)}
    ann = make_user()
    met = []
    for _ in range(6):
        want()
        while (item := claim(ann)) is not None:
            submit(ann, item)
            if item.purpose == "gold":
                met.append(item.subject_id)
            second_opinions.settle()
    assert sorted(met) == sorted(subjects)
    assert SecondOpinion.objects.filter(state="dropped").count() == 3


def test_the_author_of_gold_does_not_meet_it(room: Room) -> None:
    shares(gold_share=1.0)
    ann = make_user()
    golden(ann)
    judged(ann)
    second_opinions.settle()
    assert SecondOpinion.objects.get().state == "dropped"


def test_of_gold_and_its_author_only_the_one_who_was_asked_disagrees(room: Room) -> None:
    shares(gold_share=1.0)
    room.agrees = False
    known, ann = golden(), make_user()
    judged(ann)
    second_opinions.settle()
    submit(ann, claimed(ann))
    second_opinions.settle()
    assert list(Judgement.objects.filter(disagrees=True).values_list("user", flat=True)) == [ann.pk]
    assert not Judgement.objects.get(pk=known.pk).disagrees


def test_two_colleagues_who_differ_both_disagree(room: Room) -> None:
    shares(overlap_share=1.0)
    room.agrees = False
    ann, bob = make_user(), make_user()
    judged(ann)
    second_opinions.settle()
    submit(bob, claimed(bob))
    second_opinions.settle()
    assert set(Judgement.objects.filter(disagrees=True).values_list("user", flat=True)) == {ann.pk, bob.pk}


def test_what_was_set_aside_is_not_asked_again(room: Room) -> None:
    shares(overlap_share=1.0)
    item = judged(make_user())
    Judgement.objects.filter(pk=item.id).update(set_aside_at=timezone.now())
    second_opinions.settle()
    assert SecondOpinion.objects.get().state == "dropped"
    assert not WorkItem.objects.live().exists()


def test_a_cancelled_item_drops_its_opinion(room: Room) -> None:
    shares(overlap_share=1.0)
    item = judged(make_user())
    second_opinions.settle()
    services.cancel_work_items(subject_id=item.subject_id)
    second_opinions.settle()
    assert SecondOpinion.objects.get().state == "dropped"


def test_one_that_cannot_be_compared_holds_no_other_up(room: Room) -> None:
    shares(overlap_share=1.0)
    bob = make_user()
    for _ in range(2):
        judged(make_user())
    second_opinions.settle()
    items = []
    for _ in range(2):
        items.append(submit(bob, claimed(bob)))
    room.failing = {items[0].id}
    for _ in range(second_opinions.MAX_ATTEMPTS + 2):
        second_opinions.settle()
    assert sorted(SecondOpinion.objects.values_list("state", "attempts")) == [("asked", 5), ("compared", 1)]


def test_a_skipped_gold_task_is_kept_for_nobody(room: Room) -> None:
    shares(gold_share=1.0)
    golden()
    ann, bob = make_user(), make_user()
    judged(ann)
    second_opinions.settle()
    gold = claimed(ann)
    services.skip(user=ann, work_item_id=gold.id, token=gold.fencing_token, reason="unclear")
    assert claim(ann) is None
    assert claimed(bob).id == gold.id


def test_what_is_kept_for_others_does_not_wait_for_me(room: Room) -> None:
    ann, bob = make_user(), make_user()
    want(reserved_for=ann)
    waiting = [statistics.waiting_work(user=user, stages=["mask"])["mask"].count for user in (ann, bob)]
    assert waiting == [1, 0]
    assert claim(bob) is None
    assert claim(ann) is not None


def test_a_reviewer_may_ask_at_once(room: Room) -> None:
    item = judged(make_user())
    opinion = second_opinions.ask_somebody_else(work_item_id=item.id)
    assert (opinion.state, opinion.drawn_by) == ("wanted", None)
    with pytest.raises(NothingToCompare):
        second_opinions.ask_somebody_else(work_item_id=item.id)
    second_opinions.settle()
    bob = make_user()
    second = submit(bob, claimed(bob))
    with pytest.raises(NothingToCompare):
        second_opinions.ask_somebody_else(work_item_id=second.id)
    with pytest.raises(NothingToCompare):
        second_opinions.ask_somebody_else(work_item_id=uuid4())


@pytest.mark.parametrize(
    "broken",
    [
        {"state": "asked"},
        {"state": "compared"},
        {"state": "compared", "agrees": True, "compared_at": A_MOMENT},
        {"state": "wanted", "agrees": True},
        {"state": "lost"},
        {"purpose": "collect"},
    ],
    ids=str,
)
def test_the_database_keeps_opinions_whole(broken: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        SecondOpinion.objects.create(**({"stage": "mask", "purpose": "gold"} | broken))


def test_the_database_lets_one_item_draw_once_and_one_person_answer_once() -> None:
    item, ann, bob = want(), make_user(), make_user()
    whole = {"stage": "mask", "purpose": "overlap", "state": "compared", "agrees": True, "compared_at": timezone.now()}
    people = {"person": ann, "reference_person": bob}
    SecondOpinion.objects.create(**whole, **people, drawn_by=item, reference=item, work_item=want())
    for again in ({"drawn_by": item}, {"reference": item}, {"person": bob}, {"work_item": item}):
        values = whole | people | {"reference": item if "work_item" in again else want(), "work_item": want()} | again
        with pytest.raises(IntegrityError), transaction.atomic():
            SecondOpinion.objects.create(**values)


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_is_a_share(share: float) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        shares(gold_share=share)


def test_agreement_counts_both_colleagues_and_of_gold_the_one_who_was_asked(room: Room) -> None:
    shares(overlap_share=1.0, gold_share=1.0)
    known = golden(make_user(username="gil"))
    ann, bob = make_user(username="ann"), make_user(username="bob")
    judged(ann)  # draws gold for ann, and an overlap that bob takes
    second_opinions.settle()
    submit(ann, claimed(ann))
    submit(bob, claimed(bob))
    second_opinions.settle()
    found = [(one.username, one.purpose, one.agreeing, one.compared) for one in agreement.by_person()]
    assert found == [("ann", "gold", 1, 1), ("ann", "overlap", 1, 1), ("bob", "overlap", 1, 1)]
    assert Judgement.objects.get(pk=known.pk).user.username == "gil"
    (gold, overlap) = agreement.by_stage()
    assert (gold.purpose, overlap.purpose, overlap.compared) == ("gold", "overlap", 1)
    assert [(one.name, one.count, one.mean) for one in overlap.measures] == [("iou", 1, 0.9), ("same_verdict", 1, 1.0)]


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_open_and_compare_once(room: Room) -> None:
    shares(overlap_share=1.0)
    bob = make_user()
    for _ in range(5):
        judged(make_user())
    at_once(second_opinions.settle)
    assert WorkItem.objects.filter(purpose="overlap").count() == 5
    while (item := claim(bob)) is not None:
        submit(bob, item)
    at_once(second_opinions.settle)
    assert SecondOpinion.objects.filter(state="compared").count() == 5


def at_once(call: object, times: int = 4) -> None:
    """In threads with connections of their own."""

    def one(_: int) -> None:
        try:
            call()  # type: ignore[operator]
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        list(pool.map(one, range(times)))
