"""Evaluations to vote in and to read in a browser: real photographs and shapes of the library, or votes alone."""

import random
from collections.abc import Sequence

from engine.contracts.masks import encode_mask
from engine.flywheel.voting import advancing, ballots
from engine.flywheel.voting.models import Entry, Evaluation, Showing
from engine.selection.tournament import Answer
from engine.workforce.models import Role
from tests import factories as make
from tests.e2e.selection_queue import cup_mask, register_photograph, shape_glb, striped_glb
from tests.evaluations import box_glb, reply_to, some_target, voting

MODELS = ("k1-secret", "k2-secret", "library-secret")


def queue_ballots(
    count: int, *, names: Sequence[str] = MODELS, coloured: bool = False, broken: bool = False
) -> Evaluation:
    """An evaluation on `count` targets of one photograph; with `broken` the first contender's file is no mesh."""
    image = register_photograph()
    mask = encode_mask(cup_mask())
    targets = [
        make.make_target(
            image=image,
            mask_counts=list(mask.counts),
            mask_area_px=mask.area_px,
            description="a white cup with a handle, full of coffee, on a saucer",
        )
        for _ in range(count)
    ]
    look = striped_glb if coloured else shape_glb
    evaluation = voting(
        *names,
        targets=targets,
        coloured=coloured,
        answer=lambda entry: reply_to(entry, content=look(entry.contender.position)),
    )
    if broken:
        nothing = make.make_blob(b"no mesh at all", media_type="model/gltf-binary")
        Entry.objects.filter(contender__position=0).update(view=nothing)
    return evaluation


def voted(strengths: dict[str, float], *, targets: int = 12, voters: int = 2, name: str = "") -> Evaluation:
    """A closed evaluation with votes by people who see these Elo strengths, some of them equal."""
    dice = random.Random(7)
    fields = {"name": name} if name else {}
    evaluation = voting(
        *strengths,
        targets=[some_target() for _ in range(targets)],
        voters_per_item=voters,
        answer=lambda entry: reply_to(entry, content=box_glb(entry.contender.position)),
        **fields,
    )
    for _ in range(voters):
        user = make.make_user(Role.ANNOTATOR)
        while (task := ballots.claim(user=user)) is not None:
            held = {"user": user, "work_item_id": task.work_item.id, "token": task.work_item.fencing_token}
            pair = task.progress.pair
            while pair is not None:
                left, right = (
                    strengths[Showing.objects.select_related("entry__contender").get(pk=pk).entry.contender.name]
                    for pk in (pair.left, pair.right)
                )
                chance = 1 / (1 + 10 ** ((right - left) / 400))
                roll = dice.random()
                answer = Answer.EQUAL if roll < 0.15 else Answer.LEFT if dice.random() < chance else Answer.RIGHT
                pair = ballots.vote(**held, answer=answer, duration_ms=dice.randint(4_000, 20_000)).pair
            ballots.hand_in(**held, duration_ms=30_000, guideline_version="voting-v1")
    advancing.advance_evaluations()
    return advancing.evaluation_with(evaluation.id)
