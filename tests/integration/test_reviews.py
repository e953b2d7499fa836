"""What reviewers do with judgements of every stage, and what becomes of the target."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from engine.alignment.models import Alignment
from engine.contracts.masks import encode_mask
from engine.lifecycle import MOVES, Move, State
from engine.selection.models import Selection
from engine.sourcing import mask_tasks
from engine.sourcing.models import MaskTask, TargetObject
from engine.sourcing.services import InvalidMove, propose_target
from engine.workforce import reviews, services
from engine.workforce.models import AuditEvent, Judgement, Role, Stage, User, WorkItem
from engine.workforce.reviews import ACTS, Act
from engine.workforce.second_look import NotTakenBack
from tests import factories as make
from tests.desks import Desk
from tests.stage_fixtures import own_store  # noqa: F401

pytestmark = pytest.mark.django_db
NOTE = "The handle belongs to the mug."
A_MOMENT = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.alignment import services as alignment

    monkeypatch.setattr(alignment, "send_soon", lambda task, **kwargs: None)


@pytest.fixture
def ann() -> User:
    return make.make_user(Role.ANNOTATOR, username="ann")


@pytest.fixture
def bob() -> User:
    return make.make_user(Role.ANNOTATOR, username="bob")


@pytest.fixture
def rita() -> User:
    return make.make_user(Role.REVIEWER, username="rita")


def judged_mask(user: User, *, side: int | None = None, discard: bool = False) -> Judgement:
    """A proposal in a photograph of 40 × 40 that `user` verified, drew anew as a square, or discarded."""
    image = make.make_image(width_px=40, height_px=40)
    propose_target(image=image, mask=make.make_mask(height=40, width=40), source="m", category="mug")
    return judge_mask(user, side=side, discard=discard)


def judge_mask(user: User, *, side: int | None = None, discard: bool = False) -> Judgement:
    task = mask_tasks.claim(user=user)
    assert task is not None
    body: dict[str, Any] = {"verdict": "verify"}
    if side is not None:
        mask = make.make_mask(height=40, width=40)
        mask[:] = False
        mask[5 : 5 + side, 5 : 5 + side] = True
        body = {"verdict": "refine", "mask": encode_mask(mask)}
    if discard:
        body = {"verdict": "discard", "discard_reason": "partial"}
    mask_tasks.submit(
        user=user,
        work_item_id=task.work_item_id,
        token=task.work_item.fencing_token,
        duration_ms=6000,
        guideline_version="v2",
        **body,
    )
    return Judgement.objects.get(pk=task.work_item_id)


def judged_selection(user: User, *, state: State = State.ALIGNING, rating: float = 0.9, **fields: Any) -> Judgement:
    request = fields.pop("request", None) or make.make_request(target=make.make_target(state=state))
    candidates = [make.make_candidate(request=request) for _ in range(3)]
    selection = make.make_rated_selection(request=request, candidates=candidates, rating=rating, **fields)
    return make.make_judgement(item=selection.work_item, user=user)


def judged_pose(user: User, *, state: State = State.DONE) -> Judgement:
    first = judged_selection(make.make_user(Role.ANNOTATOR), state=state)
    selection = Selection.objects.get(pk=first.pk)
    assert selection.winner is not None
    alignment = make.make_alignment(candidate=selection.winner)
    return make.make_judgement(item=alignment.work_item, user=user)


JUDGED = {Stage.MASK: judged_mask, Stage.SELECTION: judged_selection, Stage.ALIGNMENT: judged_pose}
DO = {
    Act.ACCEPT: lambda reviewer, pk: reviews.accept(reviewer=reviewer, work_item_id=pk),
    Act.MARK_GOLD: lambda reviewer, pk: reviews.mark_gold(reviewer=reviewer, work_item_id=pk),
    Act.UNMARK_GOLD: lambda reviewer, pk: reviews.unmark_gold(reviewer=reviewer, work_item_id=pk),
    Act.RETURN: lambda reviewer, pk: reviews.return_to_author(reviewer=reviewer, work_item_id=pk, note=NOTE),
    Act.REQUEUE: lambda reviewer, pk: reviews.requeue(reviewer=reviewer, work_item_id=pk),
}
PATHS = {  # how a judgement comes into each state
    "unreviewed": [],
    "accepted": [Act.ACCEPT],
    "gold": [Act.MARK_GOLD],
    "returned": [Act.RETURN],
    "requeued": [Act.REQUEUE],
}


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("state", PATHS)
def test_an_act_is_legal_exactly_from_its_states(ann: User, rita: User, state: str, act: Act) -> None:
    judgement = judged_mask(ann)
    for step in PATHS[state]:
        DO[step](rita, judgement.pk)
    sources, destination = ACTS[act]
    events = AuditEvent.objects.filter(subject_kind="judgement", subject_id=judgement.pk)
    before = events.count()
    if state in sources:
        DO[act](rita, judgement.pk)
        judgement.refresh_from_db()
        assert (judgement.review, judgement.reviewed_by) == (destination, rita)
        event = events.latest("id")
        assert (event.verb, event.from_state, event.to_state, event.actor) == (act.value, state, destination, rita)
    else:
        with pytest.raises(reviews.NotReviewable):
            DO[act](rita, judgement.pk)
        judgement.refresh_from_db()
        assert (judgement.review, events.count()) == (state, before)


@pytest.mark.parametrize("stage", JUDGED)
@pytest.mark.parametrize("act", [Act.RETURN, Act.REQUEUE])
def test_what_is_sent_back_is_wanted_again(ann: User, bob: User, rita: User, stage: Stage, act: Act) -> None:
    judgement = JUDGED[stage](ann)
    sent_back = DO[act](rita, judgement.pk)
    judgement.refresh_from_db()
    item = sent_back.work_item
    assert (judgement.redone_as, judgement.set_aside_at is not None) == (item, True)
    assert (item.stage, item.purpose, item.state in ("open", "preparing")) == (stage, "collect", True)
    services.open_work_item(work_item_id=item.id)  # what the worker does once it has prepared a scene
    mine, others = (ann, bob) if act is Act.RETURN else (bob, ann)
    assert services.claim(user=others, stage=stage) is None
    claimed = services.claim(user=mine, stage=stage)
    assert claimed is not None
    assert claimed.work_item.id == item.id
    assert claimed.work_item.note == (NOTE if act is Act.RETURN else "")
    wanted_in = {Stage.MASK: State.PROPOSED, Stage.SELECTION: State.SELECTING, Stage.ALIGNMENT: State.ALIGNING}
    assert TargetObject.objects.get(id=item.subject_id).state == wanted_in[stage]


def test_the_author_reads_the_note_with_the_task(ann: User, rita: User) -> None:
    judgement = judged_mask(ann)
    reviews.return_to_author(reviewer=rita, work_item_id=judgement.pk, note=f"  {NOTE} ")
    page = Desk(ann)
    task = page.post("/api/v1/masks/claim").json()
    assert task["reviewer_note"] == NOTE
    assert page.get(f"/api/v1/masks/{task['work_item']}").json()["reviewer_note"] == NOTE


@pytest.mark.parametrize("note", ["", "   ", "x" * 1001])
def test_a_return_needs_a_note(ann: User, rita: User, note: str) -> None:
    judgement = judged_mask(ann)
    with pytest.raises(reviews.NoteMissing):
        reviews.return_to_author(reviewer=rita, work_item_id=judgement.pk, note=note)


def test_nobody_reviews_their_own_judgement_or_returns_to_who_has_left(ann: User, rita: User) -> None:
    judgement = judged_mask(ann)
    with pytest.raises(reviews.NotReviewable, match="your own"):
        reviews.accept(reviewer=ann, work_item_id=judgement.pk)
    User.objects.filter(pk=ann.pk).update(is_active=False)
    with pytest.raises(reviews.NotReviewable, match="does not work here"):
        reviews.return_to_author(reviewer=rita, work_item_id=judgement.pk, note=NOTE)
    reviews.requeue(reviewer=rita, work_item_id=judgement.pk)


def test_a_mask_goes_back_to_its_author_as_drawn_and_to_others_as_proposed(ann: User, bob: User, rita: User) -> None:
    judgement = judged_mask(ann, side=10)
    proposed = MaskTask.objects.get(pk=judgement.pk).proposed_counts
    reviews.return_to_author(reviewer=rita, work_item_id=judgement.pk, note=NOTE)
    task = mask_tasks.claim(user=ann)
    assert task is not None
    assert sum(task.counts_on_show[1::2]) == 100
    again = judge_mask(ann, side=12)
    reviews.requeue(reviewer=rita, work_item_id=again.pk)
    task = mask_tasks.claim(user=bob)
    assert task is not None
    assert task.target is not None
    assert sum(task.counts_on_show[1::2]) == 100  # what the author was shown the second time
    assert proposed is not None
    judge_mask(bob)
    task.target.refresh_from_db()
    assert (task.target.mask_area_px, task.target.state) == (100, State.READY)


def test_a_discarded_proposal_comes_back(ann: User, bob: User, rita: User) -> None:
    judgement = judged_mask(ann, discard=True)
    reviews.requeue(reviewer=rita, work_item_id=judgement.pk)
    judge_mask(bob)
    assert TargetObject.objects.get().state == State.READY


@pytest.mark.parametrize("state", sorted(set(State) - MOVES[Move.MASK_AGAIN][0] - {State.PROPOSED}))
def test_nothing_is_taken_from_under_machines_and_artists(ann: User, rita: User, state: State) -> None:
    judgement = judged_mask(ann)
    TargetObject.objects.update(state=state)
    with pytest.raises(InvalidMove), transaction.atomic():
        reviews.requeue(reviewer=rita, work_item_id=judgement.pk)
    judgement.refresh_from_db()
    assert (judgement.review, judgement.set_aside_at) == ("unreviewed", None)


def test_what_stood_on_it_is_set_aside_with_it(ann: User, rita: User) -> None:
    pose = judged_pose(ann)
    selection = Judgement.objects.get(stage=Stage.SELECTION)
    reviews.mark_gold(reviewer=rita, work_item_id=pose.pk)
    reviews.return_to_author(reviewer=rita, work_item_id=selection.pk, note=NOTE)
    pose.refresh_from_db()
    assert (pose.set_aside_at is not None, pose.review) == (True, "accepted")
    assert not Alignment.objects.counting().exists()
    with pytest.raises(reviews.NotReviewable, match="set aside"):
        reviews.accept(reviewer=rita, work_item_id=pose.pk)
    event = AuditEvent.objects.get(subject_kind="judgement", subject_id=selection.pk, verb="return")
    assert event.facts["set_aside"] == [str(pose.pk)]


def test_a_pose_in_work_is_withdrawn_with_its_shape(ann: User, bob: User, rita: User) -> None:
    selection = judged_selection(ann)
    target = TargetObject.objects.get()
    waiting = make.make_work_item(stage=Stage.ALIGNMENT, target=target)
    reviews.requeue(reviewer=rita, work_item_id=selection.pk)
    waiting.refresh_from_db()
    assert waiting.state == "cancelled"
    assert Selection.objects.count() == 2
    assert len({row.request_id for row in Selection.objects.all()}) == 1


def test_only_the_last_judgement_of_a_stage_is_sent_back(ann: User, bob: User, rita: User) -> None:
    first = judged_selection(ann, rated_at=timezone.now() - timedelta(hours=1), rating=0.1)
    request = Selection.objects.get().request
    judged_selection(bob, request=make.make_request(target=request.target, round=2))
    with pytest.raises(NotTakenBack):
        reviews.requeue(reviewer=rita, work_item_id=first.pk)


def test_second_opinions_are_neither_sent_back_nor_gold(ann: User, rita: User) -> None:
    judgement = judged_selection(ann)
    WorkItem.objects.filter(pk=judgement.pk).update(purpose="overlap")
    for act in (Act.RETURN, Act.REQUEUE, Act.MARK_GOLD):
        with pytest.raises(reviews.NotReviewable):
            DO[act](rita, judgement.pk)
    DO[Act.ACCEPT](rita, judgement.pk)


@pytest.mark.parametrize(
    "broken",
    [
        {"review": "accepted"},
        {"review": "perhaps"},
        {"review": "returned", "reviewed_at": A_MOMENT},
        {"reviewed_at": A_MOMENT},
    ],
    ids=str,
)
def test_the_database_keeps_reviews_whole(ann: User, broken: dict[str, Any]) -> None:
    judgement = judged_selection(ann)
    with pytest.raises(IntegrityError), transaction.atomic():
        Judgement.objects.filter(pk=judgement.pk).update(**broken)


@pytest.mark.django_db(transaction=True)
def test_of_reviewers_who_act_at_once_one_does(ann: User) -> None:
    judgement = judged_selection(ann)
    reviewers = [make.make_user(Role.REVIEWER) for _ in range(4)]
    acts = [Act.RETURN, Act.REQUEUE, Act.MARK_GOLD, Act.RETURN]

    def act(number: int) -> bool:
        try:
            DO[acts[number]](reviewers[number], judgement.pk)
        except reviews.NotReviewable:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(act, range(4))) == 1
    assert WorkItem.objects.live().count() <= 1


# Over HTTP


def queue(desk: Desk, **filters: Any) -> Any:
    path = "/api/v1/reviews/?" + "&".join(f"{name}={value}" for name, value in filters.items())
    answer = desk.get(path)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_the_queue_shows_disagreement_first_and_goes_on_by_pages(ann: User, bob: User, rita: User) -> None:
    now = timezone.now()
    wanted = []
    for number in range(120):
        item = make.make_work_item(stage=Stage.MASK, target=make.make_target(), state="done")
        judgement = make.make_judgement(item=item, user=(ann, bob)[number % 2], disagrees=number % 5 == 0)
        at = now - timedelta(seconds=number // 2)  # two of each moment
        Judgement.objects.filter(pk=judgement.pk).update(submitted_at=at)
        wanted.append((not judgement.disagrees, -at.timestamp(), -judgement.pk.int, str(judgement.pk)))
    desk, found, cursor = Desk(rita), [], ""
    for _ in range(3):
        page = queue(desk, stage="mask", cursor=cursor)
        found += [entry["work_item"] for entry in page["entries"]]
        cursor = page["next_cursor"]
    assert cursor == ""
    assert found == [pk for *_, pk in sorted(wanted)]
    assert {entry["person"] for entry in queue(desk, stage="mask", person="bob")["entries"]} == {"bob"}
    assert queue(desk, stage="selection")["entries"] == []
    assert queue(desk, stage="mask", purpose="gold")["entries"] == []
    assert desk.get("/api/v1/reviews/?stage=mask&cursor=nonsense").json()["type"] == "unknown_cursor"
    assert desk.get("/api/v1/reviews/?stage=artist").status_code == 400


def test_the_queue_is_read_by_its_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        rows = Judgement.objects.to_review(stage=Stage.MASK)[:50]
        plan = rows.explain()
    assert "judgement_to_review" in plan
    assert "Sort" not in plan


def test_a_reviewer_works_through_the_queue(ann: User, bob: User, rita: User) -> None:
    from engine.workforce import second_opinions

    judgement = judged_mask(ann, side=10)
    desk = Desk(rita)
    path = f"/api/v1/reviews/{judgement.pk}"
    (entry,) = queue(desk, stage="mask")["entries"]
    assert (entry["person"], entry["possible"]) == ("ann", ["accept", "mark_gold", "return", "requeue"])
    assert desk.post(f"{path}/second-opinion").json()["state"] == "wanted"
    second_opinions.settle()
    asked = desk.get(path).json()
    assert [(one["state"], one["person"]) for one in asked["opinions"]] == [("asked", None)]
    judge_mask(bob, side=6)
    second_opinions.settle()
    first, second = queue(desk, stage="mask")["entries"]
    by_person = {entry["person"]: entry for entry in (first, second)}
    assert by_person["ann"]["opinions"][0]["measures"]["iou"] == pytest.approx(0.36)
    assert by_person["ann"]["opinions"][0]["work_item"] == by_person["bob"]["work_item"]
    assert by_person["bob"]["opinions"][0]["work_item"] == by_person["ann"]["work_item"]
    assert by_person["bob"]["possible"] == ["accept"]
    shown = desk.get(f"/api/v1/masks/{judgement.pk}/judged").json()
    assert sum(shown["mask"]["counts"][1::2]) == 100
    assert shown["shown"]["counts"] != shown["mask"]["counts"]
    assert desk.post(f"{path}/accept").json()["review"] == "accepted"
    assert desk.post(f"{path}/accept").json()["type"] == "not_reviewable"
    assert desk.post(f"{path}/gold").json()["review"] == "gold"
    assert desk.client.delete(f"{path}/gold", headers={"Idempotency-Key": "un"}).json()["review"] == "accepted"
    assert desk.post(f"{path}/return", {"note": NOTE}).json()["review"] == "returned"
    returned = desk.get(path).json()
    assert (returned["review"], returned["note"], returned["possible"]) == ("returned", NOTE, [])
    people = desk.get("/api/v1/agreement/").json()
    assert [(one["username"], one["compared"], one["agreeing"]) for one in people["people"]] == [
        ("ann", 1, 0),
        ("bob", 1, 0),
    ]
    assert people["stages"][0]["interval"] == {"low": 0.0, "high": pytest.approx(0.7935, abs=1e-3)}


@pytest.mark.parametrize("stage", JUDGED)
@pytest.mark.parametrize("verb", ["return", "requeue"])
def test_sending_back_asks_the_database_little(ann: User, rita: User, stage: Stage, verb: str) -> None:
    judgement = JUDGED[stage](ann)
    answer = Desk(rita).post(f"/api/v1/reviews/{judgement.pk}/{verb}", {"note": NOTE})
    assert answer.status_code == 200, answer.content


def test_shares_are_set_by_reviewers_and_audited(rita: User) -> None:
    desk = Desk(rita)
    assert desk.get("/api/v1/stage-shares/").json()[0] == {"stage": "mask", "gold_share": 0.0, "overlap_share": 0.0}
    body = {"gold_share": 0.02, "overlap_share": 0.1}

    def put(stage: str, body: dict[str, float], key: str) -> Any:
        path = f"/api/v1/stage-shares/{stage}"
        return desk.client.put(path, body, format="json", headers={"Idempotency-Key": key})

    assert put("mask", body, "a").json() == {"stage": "mask"} | body
    assert put("artist", body, "b").json()["type"] == "nothing_to_compare"
    assert put("mask", {"gold_share": 1.5, "overlap_share": 0.0}, "c").status_code == 400
    assert desk.get("/api/v1/stage-shares/").json()[0]["overlap_share"] == 0.1
    assert AuditEvent.objects.get(verb="set_shares").facts == {"stage": "mask"} | body


def test_annotators_learn_nothing_of_reviews(ann: User) -> None:
    judgement = judged_mask(ann)
    desk = Desk(ann)
    pk = judgement.pk
    for path in (
        "reviews/?stage=mask",
        f"reviews/{pk}",
        f"masks/{pk}/judged",
        f"selections/{pk}/judged",
        f"alignments/{pk}/judged",
        "agreement/",
        "stage-shares/",
    ):
        assert desk.get(f"/api/v1/{path}").status_code == 403, path
    for verb in ("accept", "return", "requeue", "gold", "second-opinion"):
        assert desk.post(f"/api/v1/reviews/{pk}/{verb}", {"note": NOTE}).status_code == 403


def test_my_agreement_counts_up_to_midnight(ann: User, bob: User) -> None:
    from engine.workforce.models import SecondOpinion

    for days in (0, 1, 2):
        one, other = (make.make_work_item(stage=Stage.MASK, target=make.make_target(), state="done") for _ in range(2))
        SecondOpinion.objects.create(
            stage="mask",
            purpose="overlap",
            state="compared",
            reference=one,
            work_item=other,
            person=ann,
            reference_person=bob,
            agrees=days != 2,
            compared_at=timezone.now() - timedelta(days=days),
        )
    for person in (ann, bob):
        agreement = Desk(person).get("/api/v1/me/").json()["agreement"]
        assert (agreement["mask"]["compared"], agreement["mask"]["agreeing"]) == (2, 1)
        assert agreement["mask"]["enough"] is False
