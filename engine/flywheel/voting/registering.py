"""What is compared is said before anything is made: sets are frozen, evaluations registered (paper D.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from engine.errors import Conflict, NotFound, Unprocessable
from engine.flywheel.models import ModelVersion
from engine.flywheel.voting.models import Contender, Evaluation, EvaluationSet, EvaluationTarget
from engine.lifecycle import State as TargetState
from engine.sourcing.models import PointMap, TargetObject
from engine.workforce.models import User
from engine.workforce.services import audit

MOST_CONTENDERS = 20
MOST_SEEDS = 50
MOST_VOTERS = 100
UNVERIFIED = (TargetState.PROPOSED, TargetState.DISCARDED)
LARGEST_SEED = 2**31 - 1  # every random generator takes it


class UnusableEvaluation(Unprocessable):
    """The plan cannot be carried out; what is wrong is named."""

    code = "unusable_evaluation"


class EvaluationNameTaken(Conflict):
    """Another set or evaluation has this name."""

    code = "evaluation_name_taken"


class NoSuchEvaluationSet(NotFound):
    """There is no set of this name."""

    code = "no_such_evaluation_set"


@dataclass(frozen=True)
class ContenderPlan:
    """A contender to be: a generator, and the model version that it samples from where it takes one."""

    name: str
    generator: str = "sam3d"
    model_version: str | None = None  # name
    parameters: dict[str, Any] = field(default_factory=dict)


def newest_verified(count: int) -> list[UUID]:
    """The newest targets whose masks people have verified, for a set."""
    verified = TargetObject.objects.exclude(state__in=UNVERIFIED)
    return list(verified.order_by("-created_at", "id").values_list("id", flat=True)[:count])


@transaction.atomic
def freeze_set(*, name: str, target_ids: Sequence[UUID], actor: User | None = None) -> EvaluationSet:
    """Make a set of targets as they are now: photograph, mask, point map and words.

    Raises:
        UnusableEvaluation: no target, one that does not exist, or whose mask nobody has verified yet.
        EvaluationNameTaken: there is a set of this name.
    """
    wanted = set(target_ids)
    found = list(TargetObject.objects.filter(id__in=wanted).order_by("id"))
    if not name.strip() or not wanted:
        raise UnusableEvaluation("A set needs a name and at least one target.", what_to_do="Give ids of targets.")
    if unknown := wanted - {target.id for target in found}:
        raise UnusableEvaluation(
            f"There are no targets {', '.join(sorted(map(str, unknown))[:5])}.", what_to_do="Give ids of targets."
        )
    unready = [target for target in found if target.state in UNVERIFIED]
    if unready:
        raise UnusableEvaluation(
            f"{len(unready)} of the targets have no verified mask, such as {unready[0].id}.",
            what_to_do="Take targets whose masks people have verified.",
        )
    newest = PointMap.objects.newest_by_image(image_ids={target.image_id for target in found})
    try:
        with transaction.atomic():
            made = EvaluationSet.objects.create(name=name.strip(), created_by=actor)
    except IntegrityError as error:
        raise EvaluationNameTaken(f"There is a set {name!r} already.", what_to_do="Take another name.") from error
    EvaluationTarget.objects.bulk_create(
        EvaluationTarget(
            set=made,
            target=target,
            image_id=target.image_id,
            point_map=newest.get(target.image_id),
            mask_counts=target.mask_counts,
            mask_area_px=target.mask_area_px,
            category=target.category,
            free_category=target.free_category,
            description=target.description,
        )
        for target in found
    )
    audit(
        actor=actor,
        subject_kind="evaluation_set",
        subject_id=made.id,
        verb="freeze",
        name=made.name,
        targets=len(found),
    )
    return made


@transaction.atomic
def register(
    *,
    name: str,
    set_name: str,
    contenders: Sequence[ContenderPlan],
    baseline: str | None = None,
    seeds: Sequence[int] = (0,),
    voters_per_item: int = 1,
    coloured: bool = False,
    actor: User | None = None,
) -> Evaluation:
    """Register an evaluation. From here on its plan does not change, and it stays in the list whatever comes out.

    Args:
        baseline: the contender whose Elo is 0; the first one where not said.
        seeds: every contender makes one candidate of each target with each of them.
        voters_per_item: how many people vote on the same candidates; two or more tell how far they agree.
        coloured: show textures, of all contenders; else all are shown without colours.

    Raises:
        NoSuchEvaluationSet: there is no set of this name.
        EvaluationNameTaken: there is an evaluation of this name.
        UnusableEvaluation: the plan cannot be carried out.
    """
    fixed = EvaluationSet.objects.filter(name=set_name).first()
    if fixed is None:
        known = ", ".join(EvaluationSet.objects.order_by("-created_at").values_list("name", flat=True)[:10])
        raise NoSuchEvaluationSet(
            f"There is no set {set_name!r}.", what_to_do=f"Freeze one first. Known are: {known or 'none'}."
        )
    baseline = _checked(
        name=name, contenders=contenders, baseline=baseline, seeds=seeds, voters_per_item=voters_per_item
    )
    versions = _versions_of(contenders)
    try:
        with transaction.atomic():
            evaluation = Evaluation.objects.create(
                name=name.strip(),
                set=fixed,
                coloured=coloured,
                seeds=list(seeds),
                voters_per_item=voters_per_item,
                registered_by=actor,
            )
    except IntegrityError as error:
        raise EvaluationNameTaken(
            f"There is an evaluation {name!r} already.", what_to_do="Take another name: evaluations are never replaced."
        ) from error
    Contender.objects.bulk_create(
        Contender(
            evaluation=evaluation,
            position=position,
            name=plan.name.strip(),
            generator=plan.generator,
            model_version=versions[plan.model_version] if plan.model_version else None,
            parameters=plan.parameters,
            baseline=plan.name.strip() == baseline,
        )
        for position, plan in enumerate(contenders)
    )
    audit(
        actor=actor,
        subject_kind="evaluation",
        subject_id=evaluation.id,
        verb="register",
        to_state=evaluation.state,
        name=evaluation.name,
        set=fixed.name,
        coloured=coloured,
        seeds=list(seeds),
        voters_per_item=voters_per_item,
        baseline=baseline,
        contenders=[
            {
                "name": plan.name.strip(),
                "generator": plan.generator,
                "model_version": plan.model_version,
                "parameters": plan.parameters,
            }
            for plan in contenders
        ],
    )
    return evaluation


def _checked(
    *,
    name: str,
    contenders: Sequence[ContenderPlan],
    baseline: str | None,
    seeds: Sequence[int],
    voters_per_item: int,
) -> str:
    """Return the baseline's name."""
    names = [plan.name.strip() for plan in contenders]
    problem = ""
    if not name.strip():
        problem = "it has no name"
    elif not 2 <= len(names) <= MOST_CONTENDERS:
        problem = f"it takes 2 to {MOST_CONTENDERS} contenders, got {len(names)}"
    elif not all(names) or len(set(names)) < len(names):
        problem = f"its contenders need different names, got {names}"
    elif not all(plan.generator.strip() for plan in contenders):
        problem = "a contender names no generator"
    elif baseline is not None and baseline not in names:
        problem = f"its baseline {baseline!r} is none of its contenders {names}"
    elif not 1 <= len(seeds) <= MOST_SEEDS or len(set(seeds)) < len(seeds):
        problem = f"it takes 1 to {MOST_SEEDS} different seeds, got {list(seeds)}"
    elif not all(0 <= seed <= LARGEST_SEED for seed in seeds):
        problem = f"a seed lies in 0 to {LARGEST_SEED}, got {list(seeds)}"
    elif not 1 <= voters_per_item <= MOST_VOTERS:
        problem = f"it takes 1 to {MOST_VOTERS} voters per item, got {voters_per_item}"
    if problem:
        raise UnusableEvaluation(f"The evaluation cannot be registered: {problem}.", what_to_do="Change the plan.")
    return baseline or names[0]


def _versions_of(contenders: Sequence[ContenderPlan]) -> dict[str, ModelVersion]:
    wanted = {plan.model_version for plan in contenders if plan.model_version}
    found = {version.name: version for version in ModelVersion.objects.filter(name__in=wanted)}
    if unknown := wanted - set(found):
        raise UnusableEvaluation(
            f"There are no model versions {', '.join(sorted(unknown))}.",
            what_to_do="`manage.py flywheel status` lists them.",
        )
    return found
