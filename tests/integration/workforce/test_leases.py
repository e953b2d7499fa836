"""Claim, heartbeat, submit, release, skip: one person after another."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from engine.workforce import services
from engine.workforce.models import AuditEvent, Draft, Judgement, Stage, User, WorkItem
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def make_item(**fields) -> WorkItem:
    return services.create_work_item(**({"stage": Stage.MASK, "subject_id": uuid4()} | fields))


def claim(user: User, **options) -> WorkItem | None:
    claimed = services.claim(user=user, stage=Stage.MASK, **options)
    return claimed.work_item if claimed else None


def submit(user: User, item: WorkItem, **fields) -> WorkItem:
    values = {"token": item.fencing_token, "duration_ms": 1200, "guideline_version": "1"} | fields
    return services.submit(user=user, work_item_id=item.id, **values)


def verbs(item: WorkItem) -> list[str]:
    return list(AuditEvent.objects.filter(subject_id=item.id).order_by("id").values_list("verb", flat=True))


def test_a_claimed_item_is_leased_to_its_claimer_for_the_time_of_its_stage() -> None:
    user, item, now = make_user(), make_item(), timezone.now()
    claimed = claim(user, now=now)
    assert claimed is not None
    assert (claimed.id, claimed.holder_id, claimed.state, claimed.fencing_token) == (item.id, user.pk, "leased", 1)
    assert claimed.lease_expires_at == now + timedelta(seconds=60)
    assert verbs(item) == ["create", "claim"]


def test_nothing_to_claim() -> None:
    make_item(stage=Stage.SELECTION)
    assert claim(make_user()) is None


def test_an_item_is_given_to_one_person_only() -> None:
    make_item()
    assert claim(make_user()) is not None
    assert claim(make_user()) is None


def test_claiming_again_gives_the_same_item_with_the_same_token() -> None:
    user = make_user()
    make_item(), make_item()
    first, again = claim(user), claim(user)
    assert first is not None
    assert again is not None
    assert (first.id, first.fencing_token) == (again.id, again.fencing_token)
    assert verbs(first) == ["create", "claim"]


def test_prefetch_holds_a_second_item_and_no_third() -> None:
    user = make_user()
    for _ in range(3):
        make_item()
    first, second, third = claim(user), claim(user, prefetch=True), claim(user, prefetch=True)
    assert first is not None
    assert second is not None
    assert third is not None
    assert first.id != second.id
    assert third.id == second.id
    assert claim(user).id == first.id  # type: ignore[union-attr]


def test_bands_are_claimed_in_order() -> None:
    bands = [5, 0, 9, 1]
    for band in bands:
        make_item(priority_band=band)
    assert [claim(make_user()).priority_band for _ in bands] == sorted(bands)  # type: ignore[union-attr]


def test_every_entry_point_reaches_every_item_of_a_band(monkeypatch: pytest.MonkeyPatch) -> None:
    items = {make_item().id for _ in range(4)}
    claimed = set()
    for entry in (0.999999, 0.0, 0.5, 0.7):
        monkeypatch.setattr(services.random, "random", lambda entry=entry: entry)
        claimed.add(claim(make_user()).id)  # type: ignore[union-attr]
    assert claimed == items


def test_barred_people_do_not_get_the_item() -> None:
    user = make_user()
    make_item(barred_user_ids=[user.pk])
    assert claim(user) is None
    assert claim(make_user()) is not None


def test_submit_ends_the_item_and_records_the_judgement() -> None:
    user = make_user()
    make_item()
    item = claim(user)
    assert item is not None
    services.save_draft(user=user, work_item_id=item.id, content={"zoom": 2})
    assert submit(user, item).state == "done"
    judgement = Judgement.objects.get(work_item_id=item.id)
    assert (judgement.user_id, judgement.fencing_token, judgement.duration_ms) == (user.pk, 1, 1200)
    assert verbs(item) == ["create", "claim", "submit"]
    assert not Draft.objects.exists()


def test_a_judgement_bars_its_author_from_the_siblings() -> None:
    user, subject = make_user(), uuid4()
    make_item(subject_id=subject)
    make_item(subject_id=subject, purpose="overlap")
    item = claim(user)
    assert item is not None
    submit(user, item)
    assert claim(user) is None
    assert claim(make_user()) is not None


def test_a_sibling_is_never_prefetched() -> None:
    user, subject = make_user(), uuid4()
    make_item(subject_id=subject), make_item(subject_id=subject)
    assert claim(user) is not None
    assert claim(user, prefetch=True) is None


def test_an_expired_lease_may_submit_while_nobody_else_claimed() -> None:
    user, now = make_user(), timezone.now()
    make_item()
    item = claim(user, now=now)
    assert item is not None
    assert services.expire_leases(now=now + timedelta(seconds=61)) == 1
    assert verbs(item)[-1] == "expire"
    assert submit(user, item).state == "done"


def test_a_superseded_lease_may_not_submit_and_keeps_its_draft() -> None:
    slow, quick, now = make_user(), make_user(), timezone.now()
    make_item()
    item = claim(slow, now=now)
    assert item is not None
    services.save_draft(user=slow, work_item_id=item.id, content={"strokes": 7})
    later = claim(quick, now=now + timedelta(seconds=61))  # an idle item is found even where no beat runs
    assert later is not None
    assert (later.id, later.fencing_token) == (item.id, 2)
    with pytest.raises(services.LeaseSuperseded):
        submit(slow, item)
    assert services.load_draft(user=slow, work_item_id=item.id).content == {"strokes": 7}
    assert submit(quick, later).state == "done"


def test_heartbeats_extend_and_take_up_again() -> None:
    user, now = make_user(), timezone.now()
    make_item()
    item = claim(user, now=now)
    assert item is not None
    beat = services.heartbeat(user=user, work_item_id=item.id, token=1, now=now + timedelta(seconds=50))
    assert beat.lease_expires_at == now + timedelta(seconds=110)
    assert services.expire_leases(now=now + timedelta(seconds=100)) == 0
    assert services.expire_leases(now=now + timedelta(seconds=110)) == 1
    again = services.heartbeat(user=user, work_item_id=item.id, token=1, now=now + timedelta(seconds=120))
    assert (again.state, again.fencing_token) == ("leased", 1)
    assert verbs(item) == ["create", "claim", "expire", "take_up_again"]


def test_a_released_item_is_open_to_all_and_its_token_is_void() -> None:
    user = make_user()
    make_item()
    item = claim(user)
    assert item is not None
    services.release(user=user, work_item_id=item.id, token=1)
    with pytest.raises(services.LeaseSuperseded):
        submit(user, item)
    again = claim(user)
    assert again is not None
    assert again.fencing_token == 2


def test_skipping_bars_and_three_skips_send_to_the_end_of_the_queue() -> None:
    item = make_item()
    for count in (1, 2, 3):
        user = make_user()
        claimed = claim(user)
        assert claimed is not None
        services.skip(user=user, work_item_id=item.id, token=claimed.fencing_token, reason="unclear", note="which one?")
        assert claim(user) is None
        item.refresh_from_db()
        assert (item.state, item.skip_count) == ("open", count)
    assert item.priority_band == services.LAST_BAND
    event = AuditEvent.objects.filter(verb="skip").latest("id")
    assert event.facts == {"reason": "unclear", "note": "which one?", "skip_count": 3, "fencing_token": 3}


def test_cancelled_items_are_closed() -> None:
    user, subject = make_user(), uuid4()
    make_item(subject_id=subject), make_item(subject_id=subject), make_item()
    item = services.claim(user=user, stage=Stage.MASK)
    assert item is not None
    count = services.cancel_work_items(subject_id=subject)
    assert count == 2
    assert WorkItem.objects.filter(state="cancelled").count() == 2
    if item.work_item.subject_id == subject:
        with pytest.raises(services.WorkItemClosed):
            submit(user, item.work_item)


def test_submit_insists_on_a_transaction_shared_with_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoTransaction:
        in_atomic_block = False

    monkeypatch.setattr(services, "connection", NoTransaction())
    with pytest.raises(RuntimeError, match="transaction"):
        services.submit(user=User(), work_item_id=uuid4(), token=1, duration_ms=1, guideline_version="1")


def test_a_failing_answer_undoes_the_submit() -> None:
    user = make_user()
    make_item()
    item = claim(user)
    assert item is not None

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
