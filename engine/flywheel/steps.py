"""What each step of an iteration does: look at what is stored, do the next thing; every function may be repeated.

A step returns True if something changed, so that there may be more to do at once; False if it waits for people, workers
or time.
"""

from collections.abc import Callable
from datetime import timedelta
from itertools import islice
from typing import Any

from django.db import transaction
from django.utils import timezone

from engine.alignment.texturing import ask_for_textures
from engine.contracts.generation import Modality
from engine.contracts.targets import TargetInput
from engine.contracts.training import EvaluateRequest, TrainingStage, TrainRequest
from engine.datasets import services as datasets
from engine.datasets.holding_out import is_held_out
from engine.datasets.models import Snapshot
from engine.flywheel import collecting, gate, runs, transitions
from engine.flywheel.models import Iteration, ModelVersion, TrainingRun
from engine.flywheel.plan import Plan, TrainingPlan
from engine.flywheel.versions import PromotionRaced, model_ref, promoted_version, swap_promoted
from engine.generation import services as generation
from engine.generation.models import GenerationRequest
from engine.sending import send_soon
from engine.sourcing.services import target_inputs

FREEZE_TASK = "engine.flywheel.tasks.freeze"
FREEZE_SILENCE = timedelta(seconds=60)
PRETRAIN, SFT, DPO = "pretrain", "sft", "dpo"
EVALUATE_BASE, EVALUATE_NEW = "evaluate_base", "evaluate_new"


def collect(iteration: Iteration, plan: Plan) -> bool:
    """Have a base checkpoint, open the collection, ask for targets, and wait until they are at rest."""
    if iteration.base is None:
        base = promoted_version()
        if base is None:
            return ask_for_first_checkpoint(plan)
        return _set(iteration, base=base)
    if iteration.collection is None:
        collection = generation.open_collection(
            iteration=iteration.number,
            alpha=iteration.alpha,
            suite=plan.suite,
            widening=plan.widening,
            max_rounds=plan.max_rounds,
            model=model_ref(iteration.base),
            texture_suite=plan.texture_suite,
            generator_parameters=plan.generator_parameters,
        )
        return _set(iteration, collection=collection)
    if iteration.requested_at is None:
        collecting.ask_for_targets(collection=iteration.collection, plan=plan)
        return _set(iteration, requested_at=timezone.now())
    if collecting.is_over(iteration=iteration, collection=iteration.collection, plan=plan):
        if not iteration.stop_collecting and ask_for_textures():
            return True
        generation.close_collection(collection_id=iteration.collection.id)
        return transitions.enter_next(iteration)
    if plan.take_new_targets and iteration.collection.closed_at is None:
        collecting.ask_for_ready(collection=iteration.collection, plan=plan)
    return False


def ask_for_first_checkpoint(plan: Plan) -> bool:
    """Pretrain on the shape library where no checkpoint exists at all; it is promoted when it comes back."""
    if runs.live_run(iteration=None, purpose=PRETRAIN):
        return False
    run_id = runs.new_run_id()
    runs.ask(
        iteration=None,
        purpose=PRETRAIN,
        run_id=run_id,
        request=TrainRequest(
            run_id=str(run_id),
            attempt=0,
            stage=TrainingStage.PRETRAIN,
            recipe=plan.pretrain.recipe,
            seed=plan.seed,
            overrides=plan.pretrain.overrides,
        ),
    )
    return False


def freeze(iteration: Iteration, plan: Plan) -> bool:
    """Open the snapshot, have it frozen by a task, and start that task again should it die."""
    if iteration.snapshot is None:
        snapshot = datasets.open_snapshot(
            iteration=iteration.number,
            alpha=iteration.alpha,
            cutoff_at=timezone.now(),
            options=plan.freeze_options(),
        )
        return _set(iteration, snapshot=snapshot)
    snapshot = iteration.snapshot
    if snapshot.status == Snapshot.Status.FROZEN:
        return transitions.enter_next(iteration)
    if snapshot.status == Snapshot.Status.FAILED:
        return transitions.fail(iteration_id=iteration.id, reason=f"the snapshot could not be frozen: {snapshot.error}")
    if datasets.take_over_freeze(snapshot_id=snapshot.id, silent_for=FREEZE_SILENCE):
        send_soon(FREEZE_TASK, iteration_id=str(iteration.id))  # lost, it is sent again after its silence
    return False


def train_sft(iteration: Iteration, plan: Plan) -> bool:
    """Fine-tune the base on D+ (Algorithm 1 line 15)."""
    if iteration.sft_version is not None:
        return transitions.enter_next(iteration)
    if iteration.snapshot is None or iteration.snapshot.example_count == 0:
        return transitions.skip(iteration, reason=f"no example is rated α = {iteration.alpha:g} or better")
    if iteration.base is None:
        return transitions.fail(iteration_id=iteration.id, reason="the iteration has no base checkpoint")
    return _train(iteration, plan, purpose=SFT, stage=TrainingStage.SFT, training=plan.sft, parent=iteration.base)


def train_dpo(iteration: Iteration, plan: Plan) -> bool:
    """Align with the preferences (Algorithm 1 line 16), starting from and compared with the fine-tuned checkpoint."""
    if iteration.dpo_version is not None:
        return transitions.enter_next(iteration)
    if not usable_pairs(iteration.snapshot, plan):
        return transitions.skip(iteration, reason=_why_no_pairs(iteration.snapshot))
    parent = iteration.sft_version or iteration.base
    if parent is None:
        return transitions.fail(iteration_id=iteration.id, reason="the iteration has no base checkpoint")
    # The trainer takes the pairs that the plan exported, unless the recipe's own overrides say otherwise.
    pairs = {
        "dpo.inferred_pairs": plan.inferred_pairs,
        "dpo.only_sam3d_negatives": plan.dpo_loser_generators == ("sam3d",),
    }
    training = TrainingPlan(plan.dpo.recipe, pairs | plan.dpo.overrides)
    return _train(iteration, plan, purpose=DPO, stage=TrainingStage.DPO, training=training, parent=parent)


def evaluate(iteration: Iteration, plan: Plan) -> bool:
    """Evaluate base and new checkpoint on the same held-out shapes with the same seed, one after the other."""
    new = new_version(iteration)
    if new is None or iteration.base is None:
        return transitions.skip(iteration, reason="no new checkpoint was trained")
    for purpose, version in ((EVALUATE_BASE, iteration.base), (EVALUATE_NEW, new)):
        run = runs.live_run(iteration=iteration, purpose=purpose)
        if run is None:
            run_id = runs.new_run_id()
            request = EvaluateRequest(
                run_id=str(run_id),
                attempt=0,
                model=model_ref(version),
                heldout_count=plan.evaluation.heldout_count,
                seed=plan.evaluation.seed,
                targets=_real_targets(iteration, plan),
            )
            if runs.take_known_figures(iteration=iteration, purpose=purpose, request=request, run_id=run_id):
                return True
            runs.ask(iteration=iteration, purpose=purpose, request=request, run_id=run_id)
            return False
        if run.status != TrainingRun.Status.SUCCEEDED:
            return False
    return transitions.enter_next(iteration)


def promote(iteration: Iteration, plan: Plan) -> bool:
    """Put the new checkpoint through the gate; promotion and decision stand or fall together."""
    new = new_version(iteration)
    if new is None or iteration.base is None:
        return _keep_incumbent(iteration, reason="no new checkpoint was trained")
    base_run = runs.live_run(iteration=iteration, purpose=EVALUATE_BASE)
    new_run = runs.live_run(iteration=iteration, purpose=EVALUATE_NEW)
    if base_run is None or new_run is None:
        return _keep_incumbent(iteration, reason="the new checkpoint was not evaluated")
    trained = [version for version in (iteration.sft_version, iteration.dpo_version) if version is not None]
    before, after, remembers = gate.on_earlier_data(
        [version.metrics.get("training", {}) for version in trained], tolerance=plan.forgetting_tolerance
    )
    verdict = gate.judge(base=base_run.metrics | before, new=new_run.metrics | after, rules=(*plan.gate, *remembers))
    facts = {
        "rules": list(verdict.rules),
        "base": _measured(iteration.base, base_run),
        "new": _measured(new, new_run),
    }
    if not verdict.promote:
        return _keep_incumbent(iteration, reason=verdict.reason, **facts)
    try:
        with transaction.atomic():
            swap_promoted(incumbent=iteration.base, version=new, actor=None, reason=verdict.reason)
            decision = {"outcome": "promoted", "reason": verdict.reason} | facts
            if not transitions.enter_next(iteration, decision=decision):
                raise PromotionRaced("The iteration has moved on meanwhile.")
    except PromotionRaced:
        now_promoted = promoted_version()
        if now_promoted is not None and now_promoted.id != iteration.base_id:
            reason = f"{now_promoted.name} was promoted meanwhile, with which {new.name} was not compared"
            return _keep_incumbent(iteration, reason=reason, **facts)
        return False
    return True


STEPS: dict[str, Callable[[Iteration, Plan], bool]] = {
    Iteration.Step.COLLECTING: collect,
    Iteration.Step.FREEZING: freeze,
    Iteration.Step.SFT: train_sft,
    Iteration.Step.DPO: train_dpo,
    Iteration.Step.EVALUATING: evaluate,
    Iteration.Step.PROMOTING: promote,
}


def _measured(version: ModelVersion, run: TrainingRun) -> dict[str, Any]:
    """What the gate knew of a checkpoint."""
    intervals = version.metrics.get("heldout_intervals", {})
    return {"name": version.name, "metrics": run.metrics, "intervals": intervals}


def new_version(iteration: Iteration) -> ModelVersion | None:
    """What this iteration trained last."""
    return iteration.dpo_version or iteration.sft_version


def usable_pairs(snapshot: Snapshot | None, plan: Plan) -> int:
    """Exported pairs that DPO may learn from."""
    if snapshot is None:
        return 0
    return snapshot.direct_pair_count + (snapshot.inferred_pair_count if plan.inferred_pairs else 0)


def _train(
    iteration: Iteration,
    plan: Plan,
    *,
    purpose: str,
    stage: TrainingStage,
    training: TrainingPlan,
    parent: ModelVersion,
) -> bool:
    if iteration.snapshot is None or runs.live_run(iteration=iteration, purpose=purpose):
        return False
    run_id = runs.new_run_id()
    request = TrainRequest(
        run_id=str(run_id),
        attempt=0,
        stage=stage,
        recipe=training.recipe,
        seed=plan.seed,
        parent=model_ref(parent),
        snapshot=datasets.snapshot_ref(iteration.snapshot),
        overrides=training.overrides,
        replay=datasets.earlier_snapshot_refs(iteration.snapshot, count=plan.replay_snapshots),
    )
    runs.ask(iteration=iteration, purpose=purpose, request=request, run_id=run_id)
    return False


def _real_targets(iteration: Iteration, plan: Plan) -> tuple[TargetInput, ...]:
    """The first targets of the closed collection by id: the next turn takes the same ones if it asks the same again."""
    requests = GenerationRequest.objects.filter(collection=iteration.collection, modality=Modality.SHAPE, round=1)
    rows = requests.select_related("target__image__blob").order_by("target_id")
    share, count = plan.held_out_share, plan.evaluation.real_targets
    if not share:
        return tuple(target_inputs(targets=[row.target for row in rows[:count]]))
    held_out = (row.target for row in rows.iterator() if is_held_out(row.target.image.blob_id, share))
    return tuple(target_inputs(targets=list(islice(held_out, count))))


def _keep_incumbent(iteration: Iteration, *, reason: str, **facts: object) -> bool:
    return transitions.enter_next(iteration, decision={"outcome": "kept incumbent", "reason": reason} | facts)


def _why_no_pairs(snapshot: Snapshot | None) -> str:
    if snapshot is None:
        return "there is no snapshot"
    dropped = snapshot.counts.get("pairs", {}).get("dropped", {})
    left_out = ", ".join(f"{count} {reason}" for reason, count in sorted(dropped.items())) or "none was left out"
    return f"the snapshot has no usable preference pair ({left_out})"


def _set(iteration: Iteration, **fields: object) -> bool:
    """Fill empty fields of an iteration that collects or freezes; False if somebody was first."""
    empty = {f"{name}__isnull": True for name in fields}
    return Iteration.objects.filter(id=iteration.id, step=iteration.step, **empty).update(**fields) == 1
