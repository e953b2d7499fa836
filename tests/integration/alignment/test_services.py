"""Stage 3 on the database: what is posed, from where, and what becomes of it."""

import math
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from engine.alignment import rescoring, services
from engine.alignment.models import Alignment
from engine.contracts.poses import Pose
from engine.contracts.serialisation import to_json
from engine.layouts import InvalidPose
from engine.lifecycle import State
from engine.workforce import drafts
from engine.workforce import services as workforce
from engine.workforce.models import Draft, WorkItem
from tests import factories as make
from tests.desks import POSE
from tests.integration.alignment.conftest import CAMERA

pytestmark = pytest.mark.django_db


def submit(user, task, pose=POSE, not_alignable="", **changes):
    values = {"duration_ms": 140_000, "guideline_version": "v1"} | changes
    return services.submit(
        user=user,
        work_item_id=task.work_item.id,
        token=task.work_item.fencing_token,
        pose=pose,
        not_alignable=not_alignable,
        **values,
    )


def test_nothing_accepted_is_nothing_to_pose(db):
    target = make.make_target(state=State.ALIGNING)
    with pytest.raises(services.NothingToPose):
        services.open_alignment(target_id=target.id)
    assert not WorkItem.objects.filter(stage="alignment").exists()


def test_the_shape_accepted_last_is_posed(open_alignment):
    alignment = open_alignment()
    chosen = alignment.candidate
    assert chosen == alignment.target.selections.get().winner
    made = make.make_candidate(request=alignment.target.generation_requests.get(), generator="artist")
    make.make_artist_job(accepted=made)
    assert services.shape_to_pose(target_id=alignment.target_id) == made
    again = make.make_request(target=alignment.target, round=2)
    candidates = [make.make_candidate(request=again) for _ in range(2)]
    make.make_rated_selection(request=again, candidates=candidates, rating=0.7)
    assert services.shape_to_pose(target_id=alignment.target_id) == candidates[0]
    make.make_rated_selection(
        request=make.make_request(target=alignment.target, round=3), candidates=candidates[::-1], rating=0.1
    )
    assert services.shape_to_pose(target_id=alignment.target_id) == candidates[0]


def test_the_first_pose_is_guessed_from_mask_and_points(open_alignment, annotator):
    open_alignment()
    task = services.claim(user=annotator)
    pose = task.alignment.initial_pose
    assert pose["rotation_wxyz"] == [0.0, 1.0, 0.0, 0.0]
    assert pose["translation"][:2] == pytest.approx([0.0, 0.0], abs=0.05)
    assert 4.0 < pose["translation"][2] < 5.5
    assert 1.6 < pose["scale"][0] < 2.1
    assert task.point_map.source == "given"


def test_the_generators_own_layout_comes_first(open_alignment, annotator):
    layout = to_json(Pose(rotation_wxyz=(1.0, 0.0, 0.0, 0.0), translation=(0.1, 0.2, 3.0), scale=(1.0, 1.0, 1.0)))
    open_alignment(layout=layout)
    assert services.claim(user=annotator).alignment.initial_pose == layout


def test_a_layout_behind_the_camera_is_not_believed(open_alignment, annotator):
    open_alignment(layout=POSE | {"translation": [0.0, 0.0, -2.0]})
    assert services.claim(user=annotator).alignment.initial_pose["translation"][2] > 0


def test_an_object_without_points_starts_without_a_pose(open_alignment, annotator):
    points = np.full((CAMERA.height, CAMERA.width, 3), np.nan)
    points[0, 0] = [-1.6, -1.2, 4.0]
    open_alignment(points=points)
    assert services.claim(user=annotator).alignment.initial_pose is None


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("", State.DONE),
        ("bad_mesh", State.SEARCHING),
        ("bad_points", State.DONE_UNPOSED),
        ("too_occluded", State.DONE_UNPOSED),
    ],
)
def test_what_comes_next(open_alignment, annotator, handed_over, reason, state):
    open_alignment()
    task = services.claim(user=annotator)
    alignment = submit(annotator, task, pose=None if reason else POSE, not_alignable=reason)
    alignment.target.refresh_from_db()
    assert alignment.target.state == state
    assert alignment.pose == (None if reason else POSE)
    assert alignment.not_alignable == reason
    assert handed_over == [state]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"translation": [0.0, math.nan, 4.0]}, "finite"),
        ({"translation": [0.0, 0.0, math.inf]}, "finite"),
        ({"rotation_wxyz": [1.0, 1.0, 0.0, 0.0]}, "norm is 1.414214"),
        ({"rotation_wxyz": [0.0, 0.0, 0.0, 0.0]}, r"norm is 0\.0"),
        ({"scale": [1.0, 0.0, 1.0]}, "scale must be positive"),
        ({"scale": [1.0, -1.0, 1.0]}, "scale must be positive"),
        ({"translation": [0.0, 0.0, -4.8]}, r"behind the camera: z = -4\.8"),
        ({"translation": [0.0, 0.0, 0.0]}, "behind the camera: z = 0"),
        ({"scale": [1e-3, 1e-3, 1e-3]}, r"covers 0\.0417 pixels"),
    ],
)
def test_a_pose_that_cannot_be_is_refused_with_its_numbers(open_alignment, annotator, changes, message):
    open_alignment()
    task = services.claim(user=annotator)
    with pytest.raises(InvalidPose, match=message):
        submit(annotator, task, pose=POSE | changes)
    assert WorkItem.objects.get(stage="alignment").state == WorkItem.State.LEASED
    assert Alignment.objects.get().submitted_at is None


@pytest.mark.parametrize(("pose", "reason"), [(None, ""), (POSE, "bad_mesh")])
def test_a_pose_or_a_reason_but_not_both(open_alignment, annotator, pose, reason):
    open_alignment()
    task = services.claim(user=annotator)
    with pytest.raises(services.PoseOrReason):
        submit(annotator, task, pose=pose, not_alignable=reason)


@pytest.mark.parametrize("score", [-0.1, 1.1, math.nan])
def test_scores_of_the_page_are_shares(open_alignment, annotator, score):
    open_alignment()
    task = services.claim(user=annotator)
    with pytest.raises(services.InvalidClientScore):
        submit(annotator, task, client_inlier_share=score)


def test_a_superseded_token_is_refused_and_the_draft_kept(open_alignment, annotator, other_annotator):
    open_alignment()
    task = services.claim(user=annotator)
    drafts.save(user=annotator, work_item_id=task.work_item.id, content={"pose": POSE})
    workforce.expire_leases(now=task.work_item.lease_expires_at + timedelta(seconds=1))
    assert services.claim(user=other_annotator) is not None
    with pytest.raises(workforce.LeaseSuperseded):
        submit(annotator, task)
    with pytest.raises(services.NoSuchAlignment):
        services.task_of(user=annotator, work_item_id=task.work_item.id)
    assert Draft.objects.get().content == {"pose": POSE}


def test_a_second_opinion_leaves_the_target_where_it_is(open_alignment, annotator, handed_over):
    alignment = open_alignment()
    WorkItem.objects.filter(id=alignment.pk).update(purpose=WorkItem.Purpose.OVERLAP)
    submit(annotator, services.claim(user=annotator))
    alignment.target.refresh_from_db()
    assert alignment.target.state == State.ALIGNING
    assert handed_over == []


def test_the_engine_scores_the_pose_itself(open_alignment, annotator, sent, django_capture_on_commit_callbacks):
    open_alignment()
    task = services.claim(user=annotator)
    with django_capture_on_commit_callbacks(execute=True):
        submit(annotator, task, client_silhouette_iou=0.1, client_inlier_share=0.2)
    assert (services.SCORE_TASK, {"work_item_id": str(task.work_item.id)}) in sent
    rescoring.score_alignment(work_item_id=task.work_item.id)
    alignment = Alignment.objects.get()
    assert alignment.silhouette_iou == pytest.approx(1.0, abs=0.01)
    assert alignment.inlier_share == 1.0
    assert alignment.inlier_tolerance == pytest.approx(0.05 * math.hypot(1.6, 1.2) * 0.96, rel=0.05)
    assert (alignment.client_silhouette_iou, alignment.client_inlier_share) == (0.1, 0.2)
    assert alignment.scored_at is not None
    rescoring.score_alignment(work_item_id=task.work_item.id)
    assert Alignment.objects.get().scoring_attempts == 1


def test_a_lost_scoring_is_sent_again_a_limited_number_of_times(open_alignment, annotator, monkeypatch):
    sent: list[str] = []
    monkeypatch.setattr(rescoring, "send_soon", lambda task, **kwargs: sent.append(kwargs["work_item_id"]))
    open_alignment()
    alignment = submit(annotator, services.claim(user=annotator))
    later = timezone.now() + rescoring.RESEND_AFTER
    assert rescoring.resend_unscored() == 0
    assert rescoring.resend_unscored(now=later) == 1
    assert sent == [str(alignment.pk)]
    Alignment.objects.update(scoring_attempts=rescoring.MAX_ATTEMPTS)
    assert rescoring.resend_unscored(now=later) == 0


def test_a_reason_is_never_scored(open_alignment, annotator):
    open_alignment()
    alignment = submit(annotator, services.claim(user=annotator), pose=None, not_alignable="bad_points")
    assert rescoring.resend_unscored(now=timezone.now() + timedelta(hours=1)) == 0
    rescoring.score_alignment(work_item_id=alignment.pk)
    assert Alignment.objects.get().scored_at is None
