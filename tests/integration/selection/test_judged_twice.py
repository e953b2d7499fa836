"""Second opinions on selections: the same candidates to somebody else, who cannot tell, and nothing moves."""

import pytest

from engine.generation.models import Candidate
from engine.lifecycle import State
from engine.selection import services
from engine.selection.models import Selection
from engine.workforce import reviews, second_opinions
from engine.workforce.models import Role, SecondOpinion, Stage, StageShares, WorkItem
from tests import factories as make
from tests.desks import SelectionDesk

pytestmark = pytest.mark.django_db

SAID_OF_PURPOSES = ('"gold"', '"overlap"', '"collect"', "purpose", "second_opinion", "reserved")


def shares(**values):
    StageShares.objects.update_or_create(stage=Stage.SELECTION, defaults=values)


def choose(user, prefer, rating=0.9):
    """Play a whole tournament in which `prefer` (a candidate id) wins wherever it stands."""
    desk = SelectionDesk(user)
    task = desk.claim()
    selection = Selection.objects.get(pk=task["work_item"])
    shown = selection.tournaments.get(annotator=user).presentations.values_list("id", "candidate_id")
    candidate_of = {str(presentation): candidate for presentation, candidate in shown}
    first = dict(task)
    while task["phase"] == "compare":
        right = candidate_of[task["pair"]["right"]] == prefer
        task = task | desk.answer(task, "right" if right else "left").json()
    assert desk.submit(task, rating=rating, failure_reason="other").status_code == 200
    second_opinions.settle()
    assert not any(word in said for said in desk.seen for word in SAID_OF_PURPOSES)
    return first


@pytest.fixture
def candidates(open_selection):
    open_selection()
    return list(Candidate.objects.order_by("seed").values_list("id", flat=True))


def test_a_second_person_plays_the_same_candidates(candidates, annotator, other_annotator):
    shares(overlap_share=1.0)
    first = choose(annotator, candidates[2])
    target = Selection.objects.first().target
    assert target.state == State.ALIGNING
    second = choose(other_annotator, candidates[2], rating=0.4)
    assert sorted(first) == sorted(second)
    ids = [{one["presentation_id"] for one in task["candidates"]} for task in (first, second)]
    assert not ids[0] & ids[1]
    opinion = SecondOpinion.objects.get()
    assert opinion.agrees is True
    assert opinion.measures["same_winner"] is True
    assert opinion.measures["same_side_of_bar"] is False
    assert opinion.measures["rating_difference"] == pytest.approx(0.5)
    target.refresh_from_db()
    assert target.state == State.ALIGNING
    assert [row.work_item.purpose for row in Selection.objects.collected(target.id)] == ["collect"]


def test_another_winner_disagrees(candidates, annotator, other_annotator):
    shares(overlap_share=1.0)
    choose(annotator, candidates[0])
    choose(other_annotator, candidates[1])
    opinion = SecondOpinion.objects.get()
    assert (opinion.agrees, opinion.measures["same_winner"]) == (False, False)
    assert opinion.measures["pairs_met_by_both"] >= 0


def test_gold_selections_are_kept_for_who_drew_them(candidates, annotator, other_annotator):
    choose(annotator, candidates[0])
    known = Selection.objects.get()
    reviews.mark_gold(reviewer=make.make_user(Role.REVIEWER), work_item_id=known.pk)
    shares(gold_share=1.0)
    request = make.make_request(target=make.make_target(state=State.SELECTING))
    more = [make.make_candidate(request=request).id for _ in range(3)]
    services.open_selection(target_id=request.target_id)
    choose(other_annotator, more[0])
    gold = WorkItem.objects.get(purpose="gold")
    assert (gold.reserved_for, gold.subject_id) == (other_annotator, known.target_id)
    choose(other_annotator, candidates[0])
    opinion = SecondOpinion.objects.get()
    assert (opinion.purpose, opinion.agrees, opinion.person) == ("gold", True, other_annotator)
