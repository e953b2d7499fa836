"""Second opinions on poses: known (gold) and of two people (overlap)."""

import numpy as np
import pytest

from engine.alignment import services
from engine.lifecycle import State
from engine.workforce import reviews, second_opinions
from engine.workforce.models import Role, SecondOpinion, Stage, StageShares
from tests import factories as make
from tests.desks import POSE, AlignmentDesk

pytestmark = pytest.mark.django_db

SAID_OF_PURPOSES = ('"gold"', '"overlap"', '"collect"', "purpose", "second_opinion", "reserved")


@pytest.fixture
def known(open_alignment, annotator):
    """A pose that was submitted."""
    alignment = open_alignment()
    desk = AlignmentDesk(annotator)
    assert desk.submit(desk.claim()).status_code == 200
    alignment.refresh_from_db()
    return alignment


def asked_again(known):
    second_opinions.ask_somebody_else(work_item_id=known.pk)
    second_opinions.settle()


def answer(user, pose=POSE, **changes):
    desk = AlignmentDesk(user)
    task = desk.claim()
    assert desk.submit(task, pose=pose, **changes).status_code == 200
    second_opinions.settle()
    assert not any(word in said for said in desk.seen for word in SAID_OF_PURPOSES)
    return SecondOpinion.objects.get(work_item=task["work_item"])


def test_a_colleague_is_shown_the_very_same_scene(known, other_annotator):
    asked_again(known)
    task = AlignmentDesk(other_annotator).claim()
    assert task["initial_pose"] == known.initial_pose
    assert task["inlier_tolerance"] == known.inlier_tolerance
    assert task["placed"] == []


def test_who_gave_the_pose_is_not_asked_again(known, annotator):
    asked_again(known)
    assert services.claim(user=annotator) is None


def test_the_same_pose_agrees_and_moves_nothing_on(known, other_annotator):
    known.target.state = State.DONE
    known.target.save()
    asked_again(known)
    opinion = answer(other_annotator)
    assert opinion.reference_id == known.pk
    assert (opinion.agrees, opinion.measures["add_s"], opinion.measures["scale_ratio"]) == (True, 0.0, 1.0)
    assert opinion.measures["rotation_degrees"] == pytest.approx(0.0, abs=1e-4)
    known.target.refresh_from_db()
    assert known.target.state == State.DONE


def test_the_difference_is_measured(known, other_annotator):
    asked_again(known)
    # The box of 1 × 0.75 × 1 at scale 1.6 looks the same a quarter turn about Y farther; 30 degrees are left.
    turn = np.radians(120) / 2
    shift = 0.5 * 1.6 * float(np.linalg.norm([1, 0.75, 1]))
    opinion = answer(
        other_annotator,
        POSE
        | {
            "rotation_wxyz": [float(np.cos(turn)), 0.0, float(np.sin(turn)), 0.0],
            "translation": [shift, 0.0, 4.8],
            "scale": [2.0, 2.0, 2.0],
        },
    )
    assert opinion.agrees is False
    assert opinion.measures["rotation_degrees"] == pytest.approx(30.0, abs=1e-3)
    assert opinion.measures["translation_over_diameter"] == pytest.approx(0.5)
    assert opinion.measures["scale_ratio"] == pytest.approx(1.25)
    assert opinion.measures["add_s"] > 0.1


def test_one_who_gives_a_pose_and_one_who_gives_none_disagree(known, other_annotator):
    asked_again(known)
    opinion = answer(other_annotator, None, not_alignable="bad_mesh")
    assert (opinion.agrees, opinion.measures) == (False, {"both_posed": False, "same_reason": None})


@pytest.mark.parametrize("reason", ["bad_mesh", "bad_points"])
def test_two_who_give_no_pose_agree(open_alignment, annotator, other_annotator, reason):
    known = open_alignment()
    desk = AlignmentDesk(annotator)
    desk.submit(desk.claim(), pose=None, not_alignable="bad_mesh")
    asked_again(known)
    opinion = answer(other_annotator, None, not_alignable=reason)
    assert opinion.agrees is True
    assert opinion.measures == {"both_posed": False, "same_reason": reason == "bad_mesh"}


def test_gold_poses_look_like_any_other(known, open_alignment, other_annotator):
    reviews.mark_gold(reviewer=make.make_user(Role.REVIEWER), work_item_id=known.pk)
    StageShares.objects.create(stage=Stage.ALIGNMENT, gold_share=1.0)
    open_alignment()
    desk = AlignmentDesk(other_annotator)
    first = desk.claim()
    assert desk.submit(first).status_code == 200
    second_opinions.settle()
    gold = desk.claim()
    assert SecondOpinion.objects.get().work_item_id.hex == gold["work_item"].replace("-", "")
    assert sorted(gold) == sorted(first)
    assert not any(word in said for said in desk.seen for word in SAID_OF_PURPOSES)
