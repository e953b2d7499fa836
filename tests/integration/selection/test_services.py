"""Stage 2 on the database: comparisons are kept, the rating decides what comes next."""

import math
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from engine.lifecycle import State
from engine.selection import answering, handing_out, rating, services, stay_on_log
from engine.selection.models import Comparison, Selection, Tournament
from engine.selection.preferences import preference_pairs
from engine.selection.tournament import Answer, play
from engine.workforce import services as workforce
from engine.workforce.models import AuditEvent, WorkItem
from tests import factories as make

pytestmark = pytest.mark.django_db


def answer_all(user, task, answers=None, choice=Answer.LEFT):
    progress = task.progress
    while progress.pair is not None:
        progress = answering.answer(
            user=user,
            work_item_id=task.work_item.id,
            token=task.work_item.fencing_token,
            answer=answers.pop(0) if answers else choice,
            duration_ms=1000,
        )
    return progress


def submit(user, task, **changes):
    values = {"rating": 0.8, "failure_reason": "", "duration_ms": 60_000, "guideline_version": "v1"} | changes
    return rating.submit(user=user, work_item_id=task.work_item.id, token=task.work_item.fencing_token, **values)


def test_a_selection_needs_two_candidates(db):
    request = make.make_request(target=make.make_target(state=State.SELECTING))
    make.make_candidate(request=request)
    with pytest.raises(services.NothingToCompare, match="left 1 candidates"):
        services.open_selection(target_id=request.target_id)
    assert not WorkItem.objects.exists()


def test_only_candidates_of_the_newest_request_compete(open_selection, annotator):
    old = open_selection(count=2)
    workforce.cancel_work_items(subject_id=old.target_id)
    second = make.make_request(target=old.target, collection=old.request.collection, round=2)
    fresh = {make.make_candidate(request=second).id for _ in range(3)}
    selection = services.open_selection(target_id=old.target_id)
    task = handing_out.claim(user=annotator)
    assert task.selection == selection
    assert set(task.progress.presentations) == fresh


def test_every_candidate_is_shown_and_every_answer_is_stored(open_selection, annotator):
    open_selection(count=5)
    task = handing_out.claim(user=annotator)
    progress = answer_all(annotator, task, [Answer.LEFT, Answer.EQUAL, Answer.RIGHT, Answer.EQUAL])
    rows = list(Comparison.objects.order_by("sequence"))
    assert [row.answer for row in rows] == ["left", "equal", "right", "equal"]
    assert [row.sequence for row in rows] == [0, 1, 2, 3]
    assert [row.coin_seed is not None for row in rows] == [False, True, False, True]
    assert {side for row in rows for side in (row.left_id, row.right_id)} == set(task.progress.presentations)
    assert progress.phase == "rate"
    assert progress.presentations[rows[-1].stayed_id].id == progress.winner


def test_the_stored_seed_and_answers_replay_the_stored_rows(open_selection, annotator):
    open_selection(count=6)
    task = handing_out.claim(user=annotator)
    answer_all(annotator, task, [Answer.LEFT, Answer.EQUAL, Answer.RIGHT])
    tournament = Tournament.objects.get()
    rows = list(tournament.comparisons.order_by("sequence"))
    replayed = play(
        candidates=[shown.candidate_id for shown in tournament.presentations.all()],
        seed=tournament.seed,
        answers=[Answer(row.answer) for row in rows],
    )
    assert [(c.left, c.right, c.stayed, c.coin_seed) for c in replayed.comparisons] == [
        (row.left_id, row.right_id, row.stayed_id, row.coin_seed) for row in rows
    ]


@pytest.mark.parametrize(
    ("rating", "state", "accepted"),
    [(0.6, State.ALIGNING, True), (1.0, State.ALIGNING, True), (0.59, State.SEARCHING, False)],
)
def test_the_bar_decides_what_comes_next(open_selection, annotator, handed_over, rating, state, accepted):
    open_selection(alpha=0.6)
    task = handing_out.claim(user=annotator)
    answer_all(annotator, task)
    selection = submit(annotator, task, rating=rating, failure_reason="occlusion")
    selection.target.refresh_from_db()
    assert selection.target.state == state
    assert handed_over == [state]
    assert selection.rating == rating
    assert selection.alpha == 0.6
    assert selection.rubric_version == "v1"
    assert selection.failure_reason == ("" if accepted else "occlusion")
    assert list(services.accepted(target_id=selection.target_id)) == ([selection] if accepted else [])
    assert list(services.rejected(target_id=selection.target_id)) == ([] if accepted else [selection])
    event = AuditEvent.objects.get(subject_kind="target")
    assert (event.verb, event.actor, event.facts["rating"]) == ("accept" if accepted else "reject", annotator, rating)


def test_a_rating_under_the_bar_wants_a_reason(open_selection, annotator):
    open_selection(alpha=0.6)
    task = handing_out.claim(user=annotator)
    answer_all(annotator, task)
    with pytest.raises(rating.FailureReasonMissing, match=r"under the bar 0\.6"):
        submit(annotator, task, rating=0.5)
    assert Selection.objects.get().rated_at is None
    assert WorkItem.objects.get().state == WorkItem.State.LEASED


@pytest.mark.parametrize("out_of_range", [-0.01, 1.01, math.nan, math.inf])
def test_a_rating_out_of_range_is_refused(open_selection, annotator, out_of_range):
    open_selection()
    task = handing_out.claim(user=annotator)
    answer_all(annotator, task)
    with pytest.raises(rating.InvalidRating, match="from 0 to 1"):
        submit(annotator, task, rating=out_of_range)


def test_rating_before_the_end_is_refused_and_nothing_is_lost(open_selection, annotator):
    open_selection(count=4)
    task = handing_out.claim(user=annotator)
    answer_all_but_one = [Answer.LEFT, Answer.RIGHT]
    for choice in answer_all_but_one:
        answering.answer(user=annotator, work_item_id=task.work_item.id, token=1, answer=choice, duration_ms=1)
    with pytest.raises(rating.TournamentUnfinished, match="2 of 3"):
        submit(annotator, task)
    assert handing_out.task_of(user=annotator, work_item_id=task.work_item.id).progress.standing.round == 3


def test_answering_after_the_end_is_refused(open_selection, annotator):
    open_selection(count=2)
    task = handing_out.claim(user=annotator)
    answer_all(annotator, task)
    with pytest.raises(stay_on_log.TournamentFinished):
        answering.answer(user=annotator, work_item_id=task.work_item.id, token=1, answer=Answer.LEFT, duration_ms=1)


def test_undo_after_the_last_comparison_reopens_it_and_appends(open_selection, annotator):
    open_selection(count=3)
    task = handing_out.claim(user=annotator)
    answer_all(annotator, task)
    before = list(Comparison.objects.order_by("sequence").values_list("id", "answer"))
    progress = answering.undo(user=annotator, work_item_id=task.work_item.id, token=1)
    assert progress.phase == "compare"
    assert progress.standing.round == 2
    assert list(Comparison.objects.order_by("sequence").values_list("id", "answer"))[:2] == before
    undoing = Comparison.objects.get(sequence=2)
    assert undoing.undoes_id == before[-1][0]
    answer_all(annotator, handing_out.claim(user=annotator))
    submit(annotator, task)
    pairs = preference_pairs(Selection.objects.with_comparisons().get())
    assert len(pairs.direct) == 2


def test_undo_and_the_same_answer_again_show_the_same_pairs(open_selection, annotator):
    open_selection(count=4)
    task = handing_out.claim(user=annotator)
    ids = {"user": annotator, "work_item_id": task.work_item.id, "token": 1}
    first = answering.answer(**ids, answer=Answer.EQUAL, duration_ms=1)
    answering.undo(**ids)
    again = answering.answer(**ids, answer=Answer.EQUAL, duration_ms=1)
    assert again.pair == first.pair
    assert again.standing == first.standing


def test_undo_with_nothing_to_take_back_is_refused(open_selection, annotator):
    open_selection()
    task = handing_out.claim(user=annotator)
    with pytest.raises(stay_on_log.NothingToUndo):
        answering.undo(user=annotator, work_item_id=task.work_item.id, token=1)
    answering.answer(user=annotator, work_item_id=task.work_item.id, token=1, answer=Answer.LEFT, duration_ms=1)
    answering.undo(user=annotator, work_item_id=task.work_item.id, token=1)
    with pytest.raises(stay_on_log.NothingToUndo):
        answering.undo(user=annotator, work_item_id=task.work_item.id, token=1)


def test_the_next_holder_starts_a_tournament_of_their_own(open_selection, annotator, other_annotator):
    open_selection(count=4)
    first = handing_out.claim(user=annotator)
    answering.answer(user=annotator, work_item_id=first.work_item.id, token=1, answer=Answer.LEFT, duration_ms=1)
    workforce.expire_leases(now=first.work_item.lease_expires_at + timedelta(seconds=1))
    second = handing_out.claim(user=other_annotator)
    assert second.work_item.id == first.work_item.id
    assert second.progress.standing.comparisons == ()
    shown_to_first = {shown.id for shown in first.progress.presentations.values()}
    assert not shown_to_first & {shown.id for shown in second.progress.presentations.values()}

    with pytest.raises(workforce.LeaseSuperseded):
        answering.answer(user=annotator, work_item_id=first.work_item.id, token=1, answer=Answer.LEFT, duration_ms=1)
    with pytest.raises(workforce.LeaseSuperseded):
        answering.undo(user=annotator, work_item_id=first.work_item.id, token=1)
    with pytest.raises(workforce.LeaseSuperseded):
        submit(annotator, first)

    answer_all(other_annotator, second)
    selection = submit(other_annotator, second)
    assert selection.tournament.annotator == other_annotator
    assert Comparison.objects.filter(tournament__annotator=annotator).count() == 1
    assert len(preference_pairs(selection).direct) == 3


def test_who_gets_the_item_back_goes_on_where_they_were(open_selection, annotator):
    open_selection(count=4)
    task = handing_out.claim(user=annotator)
    answering.answer(user=annotator, work_item_id=task.work_item.id, token=1, answer=Answer.LEFT, duration_ms=1)
    workforce.release(user=annotator, work_item_id=task.work_item.id, token=1)
    again = handing_out.claim(user=annotator)
    assert again.work_item.fencing_token == 2
    assert again.progress.standing.round == 2


def test_an_expired_but_unclaimed_lease_may_still_submit(open_selection, annotator):
    open_selection()
    task = handing_out.claim(user=annotator)
    workforce.expire_leases(now=task.work_item.lease_expires_at + timedelta(seconds=1))
    assert handing_out.task_of(user=annotator, work_item_id=task.work_item.id).progress.standing.round == 1
    answer_all(annotator, task)
    assert submit(annotator, task).rated_at is not None


def test_a_second_opinion_leaves_the_target_where_it_is(open_selection, annotator, handed_over):
    selection = open_selection()
    WorkItem.objects.update(purpose=WorkItem.Purpose.OVERLAP)
    task = handing_out.claim(user=annotator)
    answer_all(annotator, task)
    submit(annotator, task)
    selection.target.refresh_from_db()
    assert selection.target.state == State.SELECTING
    assert handed_over == []
    assert not services.accepted(target_id=selection.target_id).exists()


def test_pairs_come_without_a_query_for_selections_fetched_for_it(open_selection, annotator, django_assert_num_queries):
    open_selection(count=5)
    task = handing_out.claim(user=annotator)
    answer_all(annotator, task, [Answer.EQUAL, Answer.LEFT, Answer.LEFT, Answer.RIGHT])
    submit(annotator, task)
    with django_assert_num_queries(3):
        selection = Selection.objects.rated().with_comparisons().get()
    with django_assert_num_queries(0):
        pairs = preference_pairs(selection)
    assert len(pairs.direct) == 3
    assert all(winner == selection.winner_id for winner, _ in pairs.inferred)


def test_the_database_refuses_a_rating_without_its_facts(open_selection):
    selection = open_selection()
    with pytest.raises(IntegrityError, match="selection_rated_whole"), transaction.atomic():
        Selection.objects.filter(pk=selection.pk).update(rated_at=timezone.now(), rating=0.9, alpha=0.5)
