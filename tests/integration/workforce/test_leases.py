"""Claim, heartbeat, submit, release, skip: one person after another."""

import random
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from engine.workforce import drafts, services
from engine.workforce.models import AuditEvent, Draft, Judgement, Stage, User, WorkItem
from tests.factories import make_user
from tests.integration.workforce.steps import claim, claimed, submit, verbs, want

pytestmark = pytest.mark.django_db


def test_a_claimed_item_is_leased_to_its_claimer_for_the_time_of_its_stage() -> None:
    user, item, now = make_user(), want(), timezone.now()
    given = claimed(user, now=now)
    assert (given.id, given.holder_id, given.state, given.fencing_token) == (item.id, user.pk, "leased", 1)
    assert given.lease_expires_at == now + timedelta(seconds=60)
    assert verbs(item) == ["create", "claim"]


def test_nothing_to_claim() -> None:
    want(stage=Stage.SELECTION)
    assert claim(make_user()) is None


def test_an_item_is_given_to_one_person_only() -> None:
    want()
    assert claim(make_user()) is not None
    assert claim(make_user()) is None


def test_claiming_again_gives_the_same_item_with_the_same_token() -> None:
    user = make_user()
    want(), want()
    first, again = claimed(user), claimed(user)
    assert (first.id, first.fencing_token) == (again.id, again.fencing_token)
    assert verbs(first) == ["create", "claim"]


def test_prefetch_holds_a_second_item_and_no_third() -> None:
    user = make_user()
    for _ in range(3):
        want()
    first, second, third = claimed(user), claimed(user, prefetch=True), claimed(user, prefetch=True)
    assert first.id != second.id
    assert third.id == second.id
    assert claimed(user).id == first.id


def test_bands_are_claimed_in_order() -> None:
    bands = [5, 0, 9, 1]
    for band in bands:
        want(priority_band=band)
    assert [claimed(make_user()).priority_band for _ in bands] == sorted(bands)


def test_every_entry_point_reaches_every_item_of_a_band(monkeypatch: pytest.MonkeyPatch) -> None:
    items = {want().id for _ in range(4)}
    reached = set()
    for entry in (0.999999, 0.0, 0.5, 0.7):
        monkeypatch.setattr(random, "random", lambda entry=entry: entry)
        reached.add(claimed(make_user()).id)
    assert reached == items


def test_barred_people_do_not_get_the_item() -> None:
    user = make_user()
    want(barred_user_ids=[user.pk])
    assert claim(user) is None
    assert claim(make_user()) is not None


def test_submit_ends_the_item_and_records_the_judgement() -> None:
    user = make_user()
    want()
    item = claimed(user)
    drafts.save(user=user, work_item_id=item.id, content={"zoom": 2})
    assert submit(user, item).state == "done"
    judgement = Judgement.objects.get(work_item_id=item.id)
    assert (judgement.user_id, judgement.fencing_token, judgement.duration_ms) == (user.pk, 1, 1200)
    assert verbs(item) == ["create", "claim", "submit"]
    assert not Draft.objects.exists()


def test_a_judgement_bars_its_author_from_the_siblings() -> None:
    user, subject = make_user(), uuid4()
    want(subject_id=subject)
    want(subject_id=subject, purpose="overlap")
    item = claimed(user)
    submit(user, item)
    assert claim(user) is None
    assert claim(make_user()) is not None


def test_a_sibling_is_never_prefetched() -> None:
    user, subject = make_user(), uuid4()
    want(subject_id=subject), want(subject_id=subject)
    assert claim(user) is not None
    assert claim(user, prefetch=True) is None


def test_an_expired_lease_may_submit_while_nobody_else_claimed() -> None:
    user, now = make_user(), timezone.now()
    want()
    item = claimed(user, now=now)
    assert services.expire_leases(now=now + timedelta(seconds=61)) == 1
    assert verbs(item)[-1] == "expire"
    assert submit(user, item).state == "done"


def test_a_superseded_lease_may_not_submit_and_keeps_its_draft() -> None:
    slow, quick, now = make_user(), make_user(), timezone.now()
    want()
    item = claimed(slow, now=now)
    drafts.save(user=slow, work_item_id=item.id, content={"strokes": 7})
    later = claim(quick, now=now + timedelta(seconds=61))  # an idle item is found even where no beat runs
    assert later is not None
    assert (later.id, later.fencing_token) == (item.id, 2)
    with pytest.raises(services.LeaseSuperseded):
        submit(slow, item)
    assert drafts.load(user=slow, work_item_id=item.id).content == {"strokes": 7}
    assert submit(quick, later).state == "done"


def test_heartbeats_extend_and_take_up_again() -> None:
    user, now = make_user(), timezone.now()
    want()
    item = claimed(user, now=now)
    beat = services.heartbeat(user=user, work_item_id=item.id, token=1, now=now + timedelta(seconds=50))
    assert beat.lease_expires_at == now + timedelta(seconds=110)
    assert services.expire_leases(now=now + timedelta(seconds=100)) == 0
    assert services.expire_leases(now=now + timedelta(seconds=110)) == 1
    again = services.heartbeat(user=user, work_item_id=item.id, token=1, now=now + timedelta(seconds=120))
    assert (again.state, again.fencing_token) == ("leased", 1)
    assert verbs(item) == ["create", "claim", "expire", "take_up_again"]


def test_a_released_item_is_open_to_all_and_its_token_is_void() -> None:
    user = make_user()
    want()
    item = claimed(user)
    services.release(user=user, work_item_id=item.id, token=1)
    with pytest.raises(services.LeaseSuperseded):
        submit(user, item)
    again = claimed(user)
    assert again.fencing_token == 2


def test_skipping_bars_and_three_skips_send_to_the_end_of_the_queue() -> None:
    item = want()
    for count in (1, 2, 3):
        user = make_user()
        token = claimed(user).fencing_token
        services.skip(user=user, work_item_id=item.id, token=token, reason="unclear", note="which one?")
        assert claim(user) is None
        item.refresh_from_db()
        assert (item.state, item.skip_count) == ("open", count)
    assert item.priority_band == services.LAST_BAND
    event = AuditEvent.objects.filter(verb="skip").latest("id")
    assert event.facts == {"reason": "unclear", "note": "which one?", "skip_count": 3, "fencing_token": 3}


def test_cancelled_items_are_closed_and_the_others_stay() -> None:
    user, subject = make_user(), uuid4()
    held = want(subject_id=subject)
    assert claimed(user).id == held.id
    want(subject_id=subject), want(subject_id=subject, stage=Stage.ALIGNMENT), want()
    assert services.cancel_work_items(subject_id=subject, stages=[Stage.MASK]) == 2
    assert sorted(WorkItem.objects.values_list("state", flat=True)) == ["cancelled", "cancelled", "open", "open"]
    with pytest.raises(services.WorkItemClosed):
        submit(user, held, token=1)
    assert services.cancel_work_items(subject_id=subject) == 1


def test_an_answered_item_is_closed_to_its_own_author() -> None:
    user = make_user()
    want()
    item = claimed(user)
    submit(user, item)
    with pytest.raises(services.WorkItemClosed, match="done"):
        submit(user, item)


def test_who_comes_back_late_finds_the_same_item_with_the_same_token() -> None:
    user, now = make_user(), timezone.now()
    want()
    item = claimed(user, now=now)
    services.expire_leases(now=now + timedelta(seconds=61))
    want(priority_band=0), want(subject_id=item.subject_id, priority_band=0)
    again = claimed(user, now=now + timedelta(hours=1))
    assert (again.id, again.fencing_token, again.state) == (item.id, 1, "leased")
    assert again.lease_expires_at == now + timedelta(hours=1, seconds=60)
    assert verbs(item) == ["create", "claim", "expire", "take_up_again"]


def test_submit_insists_on_a_transaction_shared_with_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoTransaction:
        in_atomic_block = False

    monkeypatch.setattr(services, "connection", NoTransaction())
    with pytest.raises(RuntimeError, match="transaction"):
        services.submit(user=User(), work_item_id=uuid4(), token=1, duration_ms=1, guideline_version="1")


def test_a_failing_answer_undoes_the_submit() -> None:
    user = make_user()
    want()
    item = claimed(user)

    def submit_and_fail() -> None:
        with transaction.atomic():
            submit(user, item)
            raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        submit_and_fail()
    item.refresh_from_db()
    assert item.state == "leased"
    assert not Judgement.objects.exists()


def test_unknown_items_are_said_to_be_unknown() -> None:
    with pytest.raises(services.NoSuchWorkItem):
        services.check_lease(user=make_user(), work_item_id=uuid4(), token=1)
