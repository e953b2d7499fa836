"""Where the flywheel stands, and what it has done so far, as JSON-ready values."""

from typing import Any

from django.db.models import Avg, Count, F, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from engine.alignment.models import Alignment
from engine.artistry.models import ArtistJob
from engine.contracts.generation import Modality
from engine.datasets.models import Snapshot
from engine.flywheel.models import Iteration, ModelVersion, TrainingRun
from engine.flywheel.voting.models import Evaluation
from engine.generation.models import Candidate, GenerationRequest
from engine.lifecycle import AT_REST
from engine.selection.models import Comparison, Selection
from engine.sourcing.models import Image, MaskTask, TargetObject
from engine.workforce import agreement

MOST_ALIGNMENTS = 500


def status() -> dict[str, Any]:
    """The last iteration and the promoted version, in three queries whatever the size of the data."""
    iteration = (
        Iteration.objects.select_related("base", "sft_version", "dpo_version", "snapshot").order_by("-number").first()
    )
    promoted = ModelVersion.objects.filter(promoted=True).values_list("name", flat=True).first()
    return {
        "iteration": iteration_summary(iteration) | {"run": _last_run(iteration)} if iteration else None,
        "promoted": promoted,
    }


def report() -> dict[str, Any]:
    """Totals of everything, for people who compare runs. Counts whole tables: not for pages that many people poll."""
    return {
        "images": Image.objects.count(),
        "targets": {"total": TargetObject.objects.count(), "by_state": _tally(TargetObject.objects.all(), "state")},
        "masks": _masks(),
        "candidates": _candidates(),
        "comparisons": Comparison.objects.filter(undoes__isnull=True, undone_by__isnull=True).count(),
        "selections": _ratings(Selection.objects.of_shapes().counting()),
        "texture_selections": _ratings(Selection.objects.of_textures().counting()),
        "alignments": _alignments(),
        "second_opinions": [
            {"stage": one.stage, "purpose": one.purpose, "compared": one.compared, "agreeing": one.agreeing}
            for one in agreement.by_stage()
        ],
        "evaluations": [
            {"name": row.name, "state": row.state, "ballots": row.ballots}
            for row in Evaluation.objects.order_by("registered_at").annotate(ballots=Count("items__ballots__counted"))
        ],
        "artist_jobs": {"total": ArtistJob.objects.count(), "by_state": _tally(ArtistJob.objects.all(), "state")},
        "snapshots": [_snapshot(row) for row in Snapshot.objects.order_by("iteration")],
        "model_versions": [
            model_version(row) for row in ModelVersion.objects.select_related("parent").order_by("created_at")
        ],
        "iterations": [
            iteration_summary(row)
            for row in Iteration.objects.select_related("base", "sft_version", "dpo_version", "snapshot").order_by(
                "number"
            )
        ],
        "training_runs": [_run(row) for row in TrainingRun.objects.select_related("iteration").order_by("created_at")],
    }


def model_version(version: ModelVersion) -> dict[str, Any]:
    """A version with its lineage; `parent` must be fetched."""
    return {
        "id": str(version.id),
        "name": version.name,
        "parent": version.parent.name if version.parent else None,
        "stage": version.stage,
        "recipe": version.recipe,
        "snapshot": str(version.snapshot_id) if version.snapshot_id else None,
        "metrics": version.metrics.get("heldout", {}),
        "metric_intervals": version.metrics.get("heldout_intervals", {}),
        "training_metrics": version.metrics.get("training", {}),
        "promoted": version.promoted,
        "created_at": version.created_at.isoformat(),
    }


def iteration_detail(iteration: Iteration) -> dict[str, Any]:
    """One iteration with its settings, its runs and how far each step is, in two queries more."""
    runs = list(_runs_of(iteration).order_by("created_at"))
    return iteration_summary(iteration) | {
        "runs": [_run(run) for run in runs],
        "progress": _progress(iteration, runs),
    }


def _progress(iteration: Iteration, runs: list[TrainingRun]) -> dict[str, dict[str, Any]]:
    """Step or run → how much is done of how much."""
    progress: dict[str, dict[str, Any]] = {}
    for run in runs:
        ended = run.status == TrainingRun.Status.SUCCEEDED
        total = run.total_steps or 1
        progress[run.purpose] = {"done": total if ended else run.step, "total": total, "note": run.status}
    if iteration.collection_id is not None:
        rows = GenerationRequest.objects.filter(collection_id=iteration.collection_id).order_by("target__state")
        states = dict(rows.values_list("target__state").annotate(Count("target_id", distinct=True)))
        over = iteration.step != Iteration.Step.COLLECTING
        at_rest = sum(count for state, count in states.items() if over or state in AT_REST)
        note = ", ".join(f"{count} {state}" for state, count in states.items())
        progress["collecting"] = {"done": at_rest, "total": sum(states.values()), "note": note}
    if iteration.snapshot is not None:
        frozen = iteration.snapshot.status == Snapshot.Status.FROZEN
        note = f"{iteration.snapshot.example_count} examples" if frozen else iteration.snapshot.status
        progress["freezing"] = {"done": int(frozen), "total": 1, "note": note}
    order = ["pretrain", "collecting", "freezing", "sft", "dpo", "evaluate_base", "evaluate_new"]
    return {name: progress[name] for name in order if name in progress}


def iteration_summary(iteration: Iteration) -> dict[str, Any]:
    """One iteration; base, versions and snapshot must be fetched."""
    return {
        "number": iteration.number,
        "step": iteration.step,
        "failed": iteration.failed,
        "failure": iteration.failure,
        "alpha": iteration.alpha,
        "started_at": iteration.started_at.isoformat(),
        "step_entered_at": iteration.step_entered_at.isoformat(),
        "ended_at": iteration.ended_at.isoformat() if iteration.ended_at else None,
        "seconds_by_step": iteration.step_seconds,
        "skipped": iteration.skipped,
        "base": iteration.base.name if iteration.base else None,
        "sft_version": iteration.sft_version.name if iteration.sft_version else None,
        "dpo_version": iteration.dpo_version.name if iteration.dpo_version else None,
        "snapshot_sha256": iteration.snapshot.manifest_id if iteration.snapshot else None,
        "decision": iteration.decision,
        "settings": iteration.settings,
    }


def _last_run(iteration: Iteration) -> dict[str, Any] | None:
    run = _runs_of(iteration).order_by("-created_at").first()
    return _run(run) if run else None


def _runs_of(iteration: Iteration) -> QuerySet[TrainingRun]:
    """Its own runs, and the first checkpoint's where the iteration waited for it."""
    waited_for = Q(iteration__isnull=True, created_at__gte=iteration.started_at)
    return TrainingRun.objects.filter(Q(iteration=iteration) | waited_for).select_related("iteration")


def _run(run: TrainingRun) -> dict[str, Any]:
    return {
        "iteration": run.iteration.number if run.iteration else None,
        "purpose": run.purpose,
        "kind": run.kind,
        "status": run.status,
        "attempt": run.attempt,
        "step": run.step,
        "total_steps": run.total_steps,
        "metrics": run.metrics,
        "duration_seconds": run.duration_ms / 1000 if run.duration_ms is not None else None,
        "error": run.error,
    }


def _masks() -> dict[str, Any]:
    """What people made of proposed masks in Stage 1."""
    tasks = MaskTask.objects.counting()
    judged = tasks.exclude(verdict="")
    return {
        "proposed": tasks.count(),
        "by_verdict": _tally(judged, "verdict"),
        "discarded_for": _tally(judged.exclude(discard_reason=""), "discard_reason"),
    }


def _candidates() -> dict[str, Any]:
    names = dict(ModelVersion.objects.values_list("id", "name"))
    rows = list(
        Candidate.objects.values(
            "generator",
            "model_version_id",
            iteration=F("run__request__collection__iteration"),
            modality=Coalesce("run__request__modality", Value(Modality.SHAPE.value)),  # artists make shapes
        )
        .annotate(count=Count("id"))
        .order_by("iteration", "modality", "generator")
    )
    groups = [
        {
            "iteration": row["iteration"],
            "modality": row["modality"],
            "generator": row["generator"],
            "model_version": names.get(row["model_version_id"]) if row["model_version_id"] else None,
            "count": row["count"],
        }
        for row in rows
    ]
    shapes = [group for group in groups if group["modality"] == Modality.SHAPE]
    return {
        "total": sum(group["count"] for group in shapes),
        "by_generator": _sum_by(shapes, "generator"),
        "by_model_version": _sum_by([group for group in shapes if group["model_version"]], "model_version"),
        "textures": sum(group["count"] for group in groups) - sum(group["count"] for group in shapes),
        "groups": groups,
    }


def _ratings(selections: QuerySet[Selection]) -> dict[str, int]:
    return selections.aggregate(
        rated=Count("pk", filter=Q(rated_at__isnull=False)),
        accepted=Count("pk", filter=Q(rated_at__isnull=False, rating__gte=F("alpha"))),
        rejected=Count("pk", filter=Q(rated_at__isnull=False, rating__lt=F("alpha"))),
    )


def _alignments() -> dict[str, Any]:
    submitted = Alignment.objects.counting().filter(submitted_at__isnull=False)
    totals = submitted.aggregate(
        submitted=Count("pk"),
        posed=Count("pk", filter=Q(pose__isnull=False)),
        scored=Count("pk", filter=Q(scored_at__isnull=False)),
        mean_silhouette_iou=Avg("silhouette_iou"),
        mean_inlier_share=Avg("inlier_share"),
    )
    each = (
        submitted.filter(pose__isnull=False)
        .order_by("-submitted_at")
        .values("target_id", "silhouette_iou", "inlier_share")
    )
    return totals | {
        "not_alignable": _tally(submitted.exclude(not_alignable=""), "not_alignable"),
        "each": [row | {"target_id": str(row["target_id"])} for row in each[:MOST_ALIGNMENTS]],
    }


def _snapshot(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "iteration": snapshot.iteration,
        "status": snapshot.status,
        "alpha": snapshot.alpha,
        "sha256": snapshot.manifest_id,
        "positives": snapshot.example_count,
        "negatives": snapshot.negative_count,
        "direct_pairs": snapshot.direct_pair_count,
        "inferred_pairs": snapshot.inferred_pair_count,
        "posed": snapshot.posed_count,
        "below_alpha": snapshot.below_alpha_count,
        "counts": snapshot.counts,
    }


def _tally(rows: Any, field: str) -> dict[str, int]:
    return dict(rows.order_by(field).values_list(field).annotate(Count("pk")))


def _sum_by(groups: list[dict[str, Any]], key: str) -> dict[str, int]:
    totals: dict[str, int] = {}
    for group in groups:
        totals[group[key]] = totals.get(group[key], 0) + group["count"]
    return totals
