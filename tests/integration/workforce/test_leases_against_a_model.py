"""Any sequence of claims, heartbeats, passing time, submits, skips, releases and cancellations, against a model.

The model is the contract in Python; PostgreSQL must agree with it after every step.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from engine.workforce import services
from engine.workforce.models import AuditEvent, Judgement, Stage, User, WorkItem
from tests.factories import make_user
from tests.integration.workforce.steps import verbs, want

LEASE = timedelta(seconds=60)
SUBJECTS = 3
PEOPLE = 3
MOST_SKIPS = 3


@dataclass
class Item:
    """What the contract says about one item."""

    subject: int
    band: int
    state: str = "open"
    holder: int | None = None
    token: int = 0
    claimed: int = 0  # place in the order of claims
    expires: datetime | None = None
    barred: set[int] = field(default_factory=set)
    skips: int = 0
    judge: int | None = None

    @property
    def live(self) -> bool:
        return self.state in ("open", "leased")


@dataclass(frozen=True)
class Hold:
    """What a page remembers: possibly no longer true."""

    person: int
    item: UUID
    token: int


class Leases(RuleBasedStateMachine):
    holds = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.now = timezone.now()
        self.items: dict[UUID, Item] = {}
        self.people: list[User] = [make_user() for _ in range(PEOPLE)]
        self.subjects = [uuid4() for _ in range(SUBJECTS)]
        self.claims = 0

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    @rule(subject=st.integers(0, SUBJECTS - 1), band=st.integers(0, 2))
    def want(self, subject: int, band: int) -> None:
        item = want(subject_id=self.subjects[subject], priority_band=band)
        self.items[item.id] = Item(subject=subject, band=band)

    @rule(seconds=st.sampled_from([1, 30, 61, 200]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def expire(self) -> None:
        assert services.expire_leases(now=self.now) == self._expire()

    @rule(target=holds, person=st.integers(0, PEOPLE - 1), prefetch=st.booleans())
    def claim(self, person: int, prefetch: bool) -> Hold | None:
        self.now += timedelta(microseconds=1)  # of two claims one is the earlier
        held = sorted(self._held(person), key=lambda key: self.items[key].claimed)
        leases = 2 if prefetch else 1
        claimed = services.claim(user=self.people[person], stage=Stage.MASK, prefetch=prefetch, now=self.now)
        if len(held) >= leases:
            assert claimed is not None
            assert claimed.work_item.id == held[leases - 1]
        else:
            if not self._open_to(person):
                self._expire()
            choices = self._open_to(person)
            assert (claimed is None) == (not choices)
            if claimed is None:
                return None
            assert claimed.work_item.id in choices
            self.claims += 1
            item = self.items[claimed.work_item.id]
            item.token, item.claimed = item.token + 1, self.claims
        item = self.items[claimed.work_item.id]
        item.state, item.holder, item.expires = "leased", person, self.now + LEASE
        assert claimed.work_item.fencing_token == item.token
        return Hold(person=person, item=claimed.work_item.id, token=item.token)

    @rule(hold=holds)
    def heartbeat(self, hold: Hold | None) -> None:
        if self._allowed(hold, "heartbeat"):
            assert hold is not None
            item = self.items[hold.item]
            item.state, item.expires = "leased", self.now + LEASE

    @rule(hold=holds)
    def release(self, hold: Hold | None) -> None:
        if self._allowed(hold, "release"):
            assert hold is not None
            item = self.items[hold.item]
            item.state, item.holder, item.expires = "open", None, None

    @rule(hold=holds)
    def skip(self, hold: Hold | None) -> None:
        if self._allowed(hold, "skip"):
            assert hold is not None
            item = self.items[hold.item]
            item.state, item.holder, item.expires, item.skips = "open", None, None, item.skips + 1
            item.barred.add(hold.person)
            if item.skips >= MOST_SKIPS:
                item.band = services.LAST_BAND

    @rule(hold=holds)
    def submit(self, hold: Hold | None) -> None:
        if self._allowed(hold, "submit"):
            assert hold is not None
            item = self.items[hold.item]
            item.state, item.judge = "done", hold.person
            for sibling in self.items.values():
                if sibling.subject == item.subject and sibling.live:
                    sibling.barred.add(hold.person)

    @rule(subject=st.integers(0, SUBJECTS - 1))
    def cancel(self, subject: int) -> None:
        withdrawn = [item for item in self.items.values() if item.subject == subject and item.live]
        assert services.cancel_work_items(subject_id=self.subjects[subject]) == len(withdrawn)
        for item in withdrawn:
            item.state, item.expires = "cancelled", None

    @invariant()
    def the_database_agrees(self) -> None:
        numbers = {user.pk: number for number, user in enumerate(self.people)}
        for row in WorkItem.objects.filter(id__in=self.items):
            item = self.items[row.id]
            barred = {numbers[pk] for pk in row.barred_user_ids}
            holder = None if row.holder_id is None else numbers[row.holder_id]
            assert (row.state, holder, row.fencing_token, row.priority_band, row.skip_count, barred) == (
                (item.state, item.holder, item.token, item.band, item.skips, item.barred)
            )
            assert item.state != "leased" or row.lease_expires_at == item.expires

    @invariant()
    def nobody_judges_a_subject_twice_or_holds_two_siblings(self) -> None:
        for person in range(PEOPLE):
            held = [self.items[key].subject for key in self._held(person)]
            assert len(held) == len(set(held)) <= services.MOST_LEASES

    @invariant()
    def every_judgement_is_kept_and_every_change_told(self) -> None:
        judged = {key for key, item in self.items.items() if item.judge is not None}
        assert set(Judgement.objects.filter(work_item__in=self.items).values_list("work_item_id", flat=True)) == judged
        for key in self.items:
            changes = AuditEvent.objects.filter(subject_id=key).order_by("id").values_list("from_state", "to_state")
            states = [""] + [to for _, to in changes]
            assert [origin for origin, _ in changes] == states[:-1], verbs(WorkItem(id=key))
            assert states[-1] == self.items[key].state

    def _held(self, person: int) -> list[UUID]:
        return [key for key, item in self.items.items() if item.live and item.holder == person]

    def _open_to(self, person: int) -> set[UUID]:
        """The items of the first band that has any for this person."""
        subjects = {self.items[key].subject for key in self._held(person)}
        choices = {
            key: item
            for key, item in self.items.items()
            if item.state == "open" and person not in item.barred and item.subject not in subjects
        }
        first = min((item.band for item in choices.values()), default=0)
        return {key for key, item in choices.items() if item.band == first}

    def _expire(self) -> int:
        overdue = [item for item in self.items.values() if item.state == "leased" and item.expires <= self.now]  # type: ignore[operator]
        for item in overdue:
            item.state, item.expires = "open", None
        return len(overdue)

    def _allowed(self, hold: Hold | None, verb: str) -> bool:
        """Try it; whether it went through must be what the model says."""
        if hold is None:
            return False
        item, user = self.items[hold.item], self.people[hold.person]
        refusal: type[Exception] | None = None
        if item.holder != hold.person or item.token != hold.token:
            refusal = services.LeaseSuperseded
        elif not item.live:
            refusal = services.WorkItemClosed
        arguments = {
            "heartbeat": {"now": self.now},
            "release": {},
            "skip": {"reason": "unclear"},
            "submit": {"duration_ms": 1, "guideline_version": "1", "now": self.now},
        }[verb]
        try:
            with transaction.atomic():
                getattr(services, verb)(user=user, work_item_id=hold.item, token=hold.token, **arguments)
        except (services.LeaseSuperseded, services.WorkItemClosed) as error:
            found: type[Exception] | None = type(error)
        else:
            found = None
        assert found == refusal
        return refusal is None


@pytest.mark.django_db
def test_the_database_behaves_like_the_model() -> None:
    run_state_machine_as_test(
        Leases,
        settings=settings(
            max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
