"""Several processes at the same instant, in real threads and transactions."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections

from engine.errors import Conflict
from engine.flywheel.voting import advancing, ballots, generating
from engine.flywheel.voting.models import Ballot, Entry, Evaluation, Vote
from engine.selection.tournament import Answer
from engine.workforce.models import WorkItem
from tests.evaluations import registered, reply_to, voting

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run the calls at the same time; returns what each gave or why it was refused."""
    gate = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        gate.wait()
        try:
            return call()
        except Conflict as refusal:
            return refusal
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_one_answer_of_a_generator_counts_however_often_it_arrives():
    evaluation = registered("ada", "bea")
    advancing.start(evaluation_id=evaluation.id)
    advancing.advance_evaluations()
    entry = Entry.objects.select_related("item", "contender").first()
    replies = [reply_to(entry) for _ in range(3)]
    counted = at_once(*(lambda reply=reply: generating.record_entry_reply(reply=reply) for reply in replies))
    assert sorted(counted) == [False, False, True]


def test_the_voting_is_opened_once_by_many():
    evaluation = registered("ada", "bea", targets=3)
    advancing.start(evaluation_id=evaluation.id)
    advancing.advance_evaluations()
    for entry in Entry.objects.select_related("item", "contender"):
        generating.record_entry_reply(reply=reply_to(entry))
    generating.make_missing_entry_views()
    at_once(*[advancing.advance_evaluations] * 3)
    assert Evaluation.objects.get().state == "voting"
    assert Ballot.objects.count() == WorkItem.objects.count() == 3


def test_an_evaluation_withdrawn_while_its_voting_opens_asks_nobody():
    evaluation = registered("ada", "bea", targets=3)
    advancing.start(evaluation_id=evaluation.id)
    advancing.advance_evaluations()
    for entry in Entry.objects.select_related("item", "contender"):
        generating.record_entry_reply(reply=reply_to(entry))
    generating.make_missing_entry_views()
    at_once(
        advancing.advance_evaluations,
        lambda: advancing.withdraw(evaluation_id=evaluation.id, reason="a slip"),
    )
    assert Evaluation.objects.get().state == "withdrawn"
    assert not WorkItem.objects.live().exists()


def test_two_people_at_once_get_different_ballots(voter, other_voter):
    voting("ada", "bea", targets=2)
    tasks = at_once(lambda: ballots.claim(user=voter), lambda: ballots.claim(user=other_voter))
    assert len({task.work_item.id for task in tasks}) == 2


def test_clicks_on_one_pair_are_one_vote(voter):
    voting("ada", "bea", "cia")
    task = ballots.claim(user=voter)

    def click() -> Any:
        return ballots.vote(
            user=voter,
            work_item_id=task.work_item.id,
            token=task.work_item.fencing_token,
            answer=Answer.LEFT,
            duration_ms=1,
            shown=task.progress.pair,
        )

    refused = [answer for answer in at_once(click, click, click) if isinstance(answer, Conflict)]
    assert len(refused) == 2
    assert Vote.objects.count() == 1


def test_handing_in_and_ending_at_once_leave_a_whole_ballot_or_none(voter):
    evaluation = voting("ada", "bea")
    task = ballots.claim(user=voter)
    held = {"user": voter, "work_item_id": task.work_item.id, "token": task.work_item.fencing_token}
    ballots.vote(**held, answer=Answer.LEFT, duration_ms=1)
    at_once(
        lambda: ballots.hand_in(**held, duration_ms=1, guideline_version="voting-v1"),
        lambda: advancing.close(evaluation_id=evaluation.id),
    )
    counted = Ballot.objects.filter(counted__isnull=False).exists()
    assert WorkItem.objects.get().state == ("done" if counted else "cancelled")
    assert Evaluation.objects.get().state == "closed"
