"""Any sequence of judgements, second opinions, gold tasks and reviews, against a model of what they may do.

The model is the contract in Python, told for Stage 1; PostgreSQL must agree with it after every step.
"""

from dataclasses import dataclass, field
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from engine.errors import Conflict
from engine.lifecycle import MOVES, Move, State
from engine.sourcing import mask_tasks
from engine.sourcing.models import TargetObject
from engine.sourcing.services import move_target, propose_target
from engine.workforce import review_queue, reviews, second_opinions
from engine.workforce.models import Judgement, Role, SecondOpinion, Stage, StageShares, User, WorkItem
from engine.workforce.reviews import ACTS, Act
from tests import factories as make
from tests.stage_fixtures import handed_over  # noqa: F401

TARGETS = 3
PEOPLE = 3  # the last one reviews as well
REVIEWERS = (PEOPLE - 1, PEOPLE)
MACHINES = {State.READY: Move.REQUEST, State.GENERATING: Move.ENOUGH_CANDIDATES}
DO = {
    Act.ACCEPT: reviews.accept,
    Act.MARK_GOLD: reviews.mark_gold,
    Act.UNMARK_GOLD: reviews.unmark_gold,
    Act.RETURN: lambda **what: reviews.return_to_author(note="Look again.", **what),
    Act.REQUEUE: reviews.requeue,
}


@dataclass
class Item:
    """What the contract says about one judgement wanted, and about the one that was given."""

    target: UUID
    purpose: str = "collect"
    barred: set[int] = field(default_factory=set)
    reserved: int | None = None
    author: int | None = None
    discarded: bool = False
    review: str = "unreviewed"
    set_aside: bool = False
    disagrees: bool = False

    @property
    def live(self) -> bool:
        return self.author is None

    @property
    def counts(self) -> bool:
        return not self.live and not self.set_aside and self.purpose == "collect"


@dataclass
class Opinion:
    """A judgement to be compared with another one."""

    purpose: str
    drawn_by: UUID | None = None
    reference: UUID | None = None
    item: UUID | None = None
    state: str = "wanted"


class Reviews(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.people: list[User] = [make.make_user(Role.ANNOTATOR) for _ in range(PEOPLE)]
        self.people.append(make.make_user(Role.REVIEWER))
        self.states: dict[UUID, State] = {}
        self.items: dict[UUID, Item] = {}
        self.opinions: dict[int, Opinion] = {}
        StageShares.objects.create(stage=Stage.MASK, gold_share=1.0, overlap_share=0.0)

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    @rule()
    def propose(self) -> None:
        if len(self.states) == TARGETS:
            return
        image = make.make_image(width_px=40, height_px=40)
        target = propose_target(image=image, mask=make.make_mask(height=40, width=40), source="m", category="mug")
        self.states[target.id] = State.PROPOSED
        self.items[WorkItem.objects.get(subject_id=target.id).id] = Item(target=target.id)

    @rule(person=st.integers(0, PEOPLE - 1), discard=st.booleans())
    def judge(self, person: int, discard: bool) -> None:
        task = mask_tasks.claim(user=self.people[person])
        wanted = {key: item for key, item in self.items.items() if item.live and person not in item.barred}
        reserved = [key for key, item in wanted.items() if item.reserved == person]
        free = [key for key, item in wanted.items() if item.reserved is None]
        assert (task is None) == (not reserved and not free)
        if task is None:
            return
        assert task.work_item_id in (reserved[:1] or free)  # what is kept for somebody comes first, in its order
        verdict = {"verdict": "discard", "discard_reason": "partial"} if discard else {"verdict": "verify"}
        mask_tasks.submit(
            user=self.people[person],
            work_item_id=task.work_item_id,
            token=task.work_item.fencing_token,
            duration_ms=5,
            guideline_version="v1",
            **verdict,
        )
        item = self.items[task.work_item_id]
        item.author, item.discarded = person, discard
        for sibling in self.items.values():
            if sibling.target == item.target and sibling.live:
                sibling.barred.add(person)
        if item.purpose == "collect":
            self.states[item.target] = State.DISCARDED if discard else State.READY
            drawn = SecondOpinion.objects.get(drawn_by=task.work_item_id)
            self.opinions[drawn.id] = Opinion("gold", drawn_by=task.work_item_id)

    @rule(number=st.integers(0, TARGETS - 1))
    def machines_go_on(self, number: int) -> None:
        targets = [target for target, state in self.states.items() if state in MACHINES]
        if number < len(targets):
            move = MACHINES[self.states[targets[number]]]
            move_target(target_id=targets[number], move=move)
            self.states[targets[number]] = MOVES[move][1]

    @rule(reviewer=st.sampled_from(REVIEWERS), act=st.sampled_from(Act), number=st.integers(0, 9))
    def review(self, reviewer: int, act: Act, number: int) -> None:
        judged = self._judged()
        if number >= len(judged):
            return
        key = judged[number]
        item = self.items[key]
        back = act in (Act.RETURN, Act.REQUEUE)
        legal = (
            not item.set_aside
            and item.review in ACTS[act][0]
            and item.author != reviewer
            and (item.purpose == "collect" or act is Act.ACCEPT)
            and (not back or self.states[item.target] in MOVES[Move.MASK_AGAIN][0])
        )
        if not self._attempt(lambda: DO[act](reviewer=self.people[reviewer], work_item_id=key), legal=legal):
            return
        item.review = ACTS[act][1]
        if back:
            item.set_aside = True
            self.states[item.target] = State.PROPOSED
            again = Judgement.objects.get(pk=key).redone_as_id
            judges = {one.author for one in self.items.values() if one.target == item.target and not one.live}
            barred = {judge for judge in judges if judge is not None and (act is Act.REQUEUE or judge != item.author)}
            self.items[again] = Item(
                target=item.target, barred=barred, reserved=item.author if act is Act.RETURN else None
            )

    @rule(number=st.integers(0, 9))
    def ask_somebody_else(self, number: int) -> None:
        judged = self._judged()
        if number >= len(judged):
            return
        key = judged[number]
        pending = any(one.reference == key and one.state in ("wanted", "asked") for one in self.opinions.values())
        legal = self.items[key].counts and not pending
        if self._attempt(lambda: second_opinions.ask_somebody_else(work_item_id=key), legal=legal):
            asked = SecondOpinion.objects.order_by("id").last()
            assert asked is not None
            self.opinions[asked.id] = Opinion("overlap", reference=key)

    @rule()
    def settle(self) -> None:
        second_opinions.settle()
        rows = SecondOpinion.objects.in_bulk(list(self.opinions))
        for number, opinion in sorted(self.opinions.items()):
            row = rows[number]
            if opinion.state == "wanted":
                choices = self._references(opinion)
                opinion.state = "asked" if choices else "dropped"
                if choices:
                    assert row.reference_id in choices
                    self._open(opinion, reference=row.reference_id, item=row.work_item_id)
        for opinion in self.opinions.values():
            if opinion.state == "asked" and not self.items[opinion.item].live:
                one, other = self.items[opinion.item], self.items[opinion.reference]
                opinion.state = "compared"
                if one.discarded != other.discarded:
                    one.disagrees = True
                    other.disagrees |= opinion.purpose == "overlap"

    @invariant()
    def the_judgements_are_as_the_model_says(self) -> None:
        numbers = {user.pk: number for number, user in enumerate(self.people)}
        found = {
            row.pk: (numbers[row.user_id], row.review, row.set_aside_at is not None, row.disagrees)
            for row in Judgement.objects.filter(pk__in=self.items)
        }
        judged = {key: self.items[key] for key in self._judged()}
        assert found == {
            key: (item.author, item.review, item.set_aside, item.disagrees) for key, item in judged.items()
        }

    @invariant()
    def targets_and_second_opinions_stand_where_the_model_says(self) -> None:
        assert dict(TargetObject.objects.filter(id__in=self.states).values_list("id", "state")) == self.states
        opinions = SecondOpinion.objects.filter(id__in=self.opinions).values_list("id", "purpose", "state")
        assert {key: (purpose, state) for key, purpose, state in opinions} == {
            key: (opinion.purpose, opinion.state) for key, opinion in self.opinions.items()
        }

    @invariant()
    def a_target_has_one_judgement_that_counts_or_waits_for_it(self) -> None:
        for target, state in self.states.items():
            items = [item for item in self.items.values() if item.target == target and item.purpose == "collect"]
            assert sum(item.counts for item in items) == (state != State.PROPOSED)
            assert sum(item.live for item in items) == (state == State.PROPOSED)
            live = WorkItem.objects.live().filter(subject_id=target, purpose="collect")
            assert live.count() == (state == State.PROPOSED)

    @invariant()
    def reviewers_see_what_is_to_review_and_what_they_may_do(self) -> None:
        page = review_queue.page(reviewer=self.people[-1], stage=Stage.MASK)
        entries = {entry.judgement.pk: set(entry.possible) for entry in page.entries}
        waiting = {key: self.items[key] for key in self._judged()}
        assert entries == {
            key: {act for act in Act if "unreviewed" in ACTS[act][0] and (item.purpose == "collect" or act == "accept")}
            for key, item in waiting.items()
            if item.review == "unreviewed" and not item.set_aside
        }
        contradicted = [self.items[entry.judgement.pk].disagrees for entry in page.entries]
        assert contradicted == sorted(contradicted, reverse=True)

    def _judged(self) -> list[UUID]:
        return [key for key, item in self.items.items() if not item.live]

    def _references(self, opinion: Opinion) -> set[UUID]:
        """What it may be compared with: its own judgement, or gold that its person neither judged nor is to judge."""
        if opinion.purpose == "overlap":
            return {opinion.reference} if opinion.reference and not self.items[opinion.reference].set_aside else set()
        person = self.items[opinion.drawn_by].author
        met = {item.target for item in self.items.values() if person == (item.reserved if item.live else item.author)}
        return {key for key, item in self.items.items() if item.review == "gold" and item.target not in met}

    def _open(self, opinion: Opinion, *, reference: UUID, item: UUID) -> None:
        target = self.items[reference].target
        judges = {one.author for one in self.items.values() if one.target == target and one.author is not None}
        person = self.items[opinion.drawn_by].author if opinion.drawn_by else None
        self.items[item] = Item(target=target, purpose=opinion.purpose, barred=judges, reserved=person)
        opinion.reference, opinion.item = reference, item

    def _attempt(self, call, *, legal: bool) -> bool:
        """Make the call in a savepoint; it must be refused just where the contract says so."""
        try:
            with transaction.atomic():
                call()
        except Conflict:
            assert not legal
            return False
        assert legal
        return True


@pytest.mark.django_db
def test_reviews_behave_like_the_model(handed_over: list[State]) -> None:  # noqa: F811
    run_state_machine_as_test(
        Reviews,
        settings=settings(
            max_examples=12, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
