"""Several requests at the same instant, in real threads and transactions."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections

from engine.selection import answering, handing_out, stay_on_log
from engine.selection.models import Comparison, Selection
from engine.selection.tournament import Answer

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls):
    """Run the calls at the same time; returns what each gave or raised."""
    gate = Barrier(len(calls))

    def run(call):
        gate.wait()
        try:
            return call()
        except stay_on_log.PairMovedOn as refusal:
            return refusal
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_two_clicks_on_one_pair_are_one_answer(open_selection, annotator):
    open_selection(count=4)
    task = handing_out.claim(user=annotator)

    def click():
        return answering.answer(
            user=annotator,
            work_item_id=task.work_item.id,
            token=task.work_item.fencing_token,
            answer=Answer.LEFT,
            duration_ms=1,
            shown=task.progress.pair,
        )

    results = at_once(click, click, click)
    assert sum(isinstance(result, stay_on_log.PairMovedOn) for result in results) == 2
    assert Comparison.objects.count() == 1


def test_answers_of_a_page_in_a_hurry_are_taken_one_after_the_other(open_selection, annotator):
    open_selection(count=5)
    task = handing_out.claim(user=annotator)

    def answer():
        return answering.answer(
            user=annotator,
            work_item_id=task.work_item.id,
            token=task.work_item.fencing_token,
            answer=Answer.EQUAL,
            duration_ms=1,
        )

    at_once(answer, answer, answer, answer)
    assert list(Comparison.objects.order_by("sequence").values_list("sequence", flat=True)) == [0, 1, 2, 3]
    assert handing_out.task_of(user=annotator, work_item_id=task.work_item.id).progress.phase == "rate"


def test_two_annotators_at_once_never_share_a_selection(open_selection, annotator, other_annotator):
    open_selection(count=3)
    tasks = at_once(lambda: handing_out.claim(user=annotator), lambda: handing_out.claim(user=other_annotator))
    assert sorted(task is None for task in tasks) == [False, True]
    assert Selection.objects.get().tournaments.count() == 1
