"""Second opinions on poses: known (gold) and of two people (overlap)."""

import numpy as np
import pytest

from engine.alignment import checks, rescoring, services
from engine.alignment.models import PoseCheck
from engine.lifecycle import State
from engine.workforce.models import Role
from tests import factories as make
from tests.desks import POSE, AlignmentDesk, Desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def known(open_alignment, annotator):
    """A pose that was submitted."""
    alignment = open_alignment()
    AlignmentDesk(annotator).submit(AlignmentDesk(annotator).claim())
    alignment.refresh_from_db()
    return alignment


def answer(user, **changes):
    desk = AlignmentDesk(user)
    task = desk.claim()
    assert desk.submit(task, pose=POSE | changes).status_code == 200
    rescoring.score_alignment(work_item_id=task["work_item"])
    return task


def test_a_colleague_is_shown_the_very_same_scene(known, other_annotator):
    checks.ask_again(work_item_id=known.pk, purpose="gold")
    task = AlignmentDesk(other_annotator).claim()
    assert task["initial_pose"] == known.initial_pose
    assert task["inlier_tolerance"] == known.inlier_tolerance
    assert task["placed"] == []
    assert "gold" not in str(task)


def test_who_gave_the_pose_is_not_asked_again(known, annotator):
    checks.ask_again(work_item_id=known.pk, purpose="overlap")
    assert services.claim(user=annotator) is None


def test_the_same_pose_agrees_and_moves_nothing_on(known, other_annotator):
    known.target.state = State.DONE
    known.target.save()
    checks.ask_again(work_item_id=known.pk, purpose="gold")
    answer(other_annotator)
    check = PoseCheck.objects.get()
    assert (check.reference, check.add_s, check.scale_ratio) == (known, 0.0, 1.0)
    assert check.rotation_degrees == pytest.approx(0.0, abs=1e-4)
    known.target.refresh_from_db()
    assert known.target.state == State.DONE


def test_the_difference_is_measured(known, other_annotator):
    checks.ask_again(work_item_id=known.pk, purpose="overlap")
    # The box of 1 × 0.75 × 1 at scale 1.6 looks the same a quarter turn about Y farther; 30 degrees are left.
    turn = np.radians(120) / 2
    shift = 0.5 * 1.6 * float(np.linalg.norm([1, 0.75, 1]))
    answer(
        other_annotator,
        rotation_wxyz=[float(np.cos(turn)), 0.0, float(np.sin(turn)), 0.0],
        translation=[shift, 0.0, 4.8],
        scale=[2.0, 2.0, 2.0],
    )
    check = PoseCheck.objects.get()
    assert check.rotation_degrees == pytest.approx(30.0, abs=1e-3)
    assert check.translation_over_diameter == pytest.approx(0.5)
    assert check.scale_ratio == pytest.approx(1.25)
    assert check.add_s > 0.1


def test_only_a_pose_of_its_own_can_be_a_reference(known, open_alignment, other_annotator):
    with pytest.raises(services.NoSuchAlignment):
        checks.ask_again(work_item_id=known.target_id, purpose="gold")
    second = checks.ask_again(work_item_id=known.pk, purpose="gold")
    for unusable in (second, open_alignment()):
        with pytest.raises(checks.NothingToCompare):
            checks.ask_again(work_item_id=unusable.pk, purpose="gold")


def test_reviewers_ask_again_and_read_who_agrees(known, annotator, other_annotator):
    reviewer = Desk(make.make_user(Role.REVIEWER))
    path = f"/api/v1/alignments/{known.pk}/ask-again"
    assert Desk(annotator).post(path, {"purpose": "gold"}).status_code == 403
    assert reviewer.post(path, {"purpose": "collect"}).status_code == 400
    assert reviewer.post(path, {"purpose": "gold"}).status_code == 201
    answer(other_annotator)
    (person,) = reviewer.get("/api/v1/alignments/agreement").json()
    assert (person["username"], person["purpose"], person["poses"], person["agreeing"]) == ("bob", "gold", 1, 1)
    assert Desk(annotator).get("/api/v1/alignments/agreement").status_code == 403
