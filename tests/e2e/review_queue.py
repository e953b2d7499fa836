"""Judgements to review in a browser: masks, a selection and a pose, with a second opinion on each kind."""

from typing import Any

import numpy as np

from engine.contracts.masks import encode_mask
from engine.contracts.poses import Pose
from engine.contracts.serialisation import to_json
from engine.selection import answering, handing_out, rating
from engine.selection.tournament import Answer
from engine.sourcing import mask_tasks
from engine.sourcing.services import register_target
from engine.workforce import second_opinions
from engine.workforce import services as workforce
from engine.workforce.models import Judgement, Stage, User
from tests.e2e.alignment_queue import queue_alignment
from tests.e2e.selection_queue import cup_mask, queue_selections, register_photograph
from tests.posed_scenes import posed_scene

ACT = {"duration_ms": 8_200, "guideline_version": "v2"}


def judged_masks(ann: User, bob: User, *, others: int = 2) -> Judgement:
    """Masks of a cup that `ann` verified; of the first `bob` drew only a part. That one disagrees."""
    image = register_photograph()
    register_target(image_id=image.id, mask=cup_mask(), source="cup", category="mug")
    first = _judge_mask(ann, verdict="verify")
    second_opinions.ask_somebody_else(work_item_id=first.pk)
    second_opinions.settle()
    rows, columns = np.mgrid[:400, :600]
    part = ((columns - 300) / 100) ** 2 + ((rows - 185) / 100) ** 2 < 1
    _judge_mask(bob, verdict="refine", mask=encode_mask(part))
    second_opinions.settle()
    for number in range(others):
        shifted = np.roll(cup_mask(), 5 * (number + 1), axis=1)
        register_target(image_id=image.id, mask=shifted, source=f"other{number}", category="mug")
        _judge_mask(ann, verdict="verify")
    return first


def _judge_mask(user: User, **answer: Any) -> Judgement:
    task = mask_tasks.claim(user=user)
    assert task is not None
    mask_tasks.submit(user=user, work_item_id=task.work_item_id, token=task.work_item.fencing_token, **ACT, **answer)
    return Judgement.objects.get(pk=task.work_item_id)


def judged_selection(ann: User, bob: User) -> Judgement:
    """A choice among three shapes, twice."""
    queue_selections(1)
    first = _choose(ann, Answer.LEFT, rating_=0.8)
    second_opinions.ask_somebody_else(work_item_id=first.pk)
    second_opinions.settle()
    _choose(bob, Answer.RIGHT, rating_=0.4)
    second_opinions.settle()
    return first


def _choose(user: User, answer: Answer, *, rating_: float) -> Judgement:
    task = handing_out.claim(user=user)
    assert task is not None
    item = {"user": user, "work_item_id": task.work_item.id, "token": task.work_item.fencing_token}
    for _ in range(task.progress.standing.rounds):
        answering.answer(**item, answer=answer, duration_ms=900)
    rating.submit(**item, rating=rating_, failure_reason="other", duration_ms=70_000, guideline_version="v1")
    return Judgement.objects.get(pk=task.work_item.id)


def judged_pose(ann: User) -> Judgement:
    """A chair where it stands."""
    scene = posed_scene("chair")
    alignment = queue_alignment(scene)
    claimed = workforce.claim(user=ann, stage=Stage.ALIGNMENT)
    assert claimed is not None
    from engine.alignment import services

    pose: Pose = scene.pose
    services.submit(
        user=ann,
        work_item_id=alignment.pk,
        token=claimed.work_item.fencing_token,
        pose=to_json(pose),
        not_alignable="",
        duration_ms=140_000,
        guideline_version="v1",
    )
    return Judgement.objects.get(pk=alignment.pk)
