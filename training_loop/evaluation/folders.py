"""Evaluate a folder of predictions: every sample by itself, then the report."""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from multiprocessing import get_context
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training_loop.evaluation.earth_mover import EMD_CELLS
from training_loop.evaluation.layout_metrics import LayoutMetrics, compare_layouts, posed
from training_loop.evaluation.meshes import MeshError, Surface, fitted, read_surface, sample_surface
from training_loop.evaluation.pairing import Pair, Pairing, Skip
from training_loop.evaluation.perceptual import POINTS as PERCEPTUAL_POINTS
from training_loop.evaluation.perceptual import MetricRequest, ShapeImageMetric, load_metric
from training_loop.evaluation.pictures import shape_pictures, silhouette_picture
from training_loop.evaluation.results import Report, SampleResult, failure, make_report
from training_loop.evaluation.shape_metrics import ShapeMetrics, compare_surfaces
from training_loop.layout_refinement import refine_layout
from training_loop.masks import read_mask

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """How to measure.

    Attributes:
        points: drawn from each surface. seed: of points and bootstrap.
        emd_cells: cells of the earth mover's distance; None leaves it out. registered: whether ICP comes first.
        refine: whether predicted poses are also refined on the mask and measured again (E.3).
        metrics: plug-ins. device: where they run. pictures: whether samples come with pictures.
        jobs: processes. One uses all cores for a sample; several take one core a sample.
    """

    points: int = 1_000_000
    seed: int = 0
    emd_cells: int | None = EMD_CELLS
    registered: bool = True
    refine: bool = False
    metrics: tuple[MetricRequest, ...] = ()
    device: str = "cpu"
    pictures: bool = False
    jobs: int = 1

    def to_json(self) -> dict[str, Any]:
        """What decides the figures; not how fast they come."""
        chosen = {name: value for name, value in asdict(self).items() if name not in ("pictures", "jobs", "device")}
        return chosen | {"metrics": [metric.column for metric in self.metrics]}


Outcome = tuple[SampleResult | None, list[Skip]]


def evaluate_folders(
    pairing: Pairing, settings: Settings, *, on_sample: Callable[[int, int, str], None] | None = None
) -> Report:
    """Measure every pair. `on_sample` is told (done, of how many, stem).

    Raises:
        MetricPluginError: a plug-in cannot be loaded.
    """
    samples, skips = [], list(pairing.skips)
    for done, (pair, (sample, left_out)) in enumerate(
        zip(pairing.pairs, _outcomes(pairing.pairs, settings), strict=True), 1
    ):
        skips += left_out
        if sample is not None:
            samples.append(sample)
        if on_sample is not None:
            on_sample(done, len(pairing.pairs), pair.stem)
    return make_report(samples, skips, settings=settings.to_json(), seed=settings.seed)


def _outcomes(pairs: Sequence[Pair], settings: Settings) -> Iterator[Outcome]:
    if settings.jobs <= 1 or len(pairs) < 2:
        plugins = _load(settings)
        yield from (evaluate_pair(pair, settings, plugins) for pair in pairs)
        return
    with ProcessPoolExecutor(
        min(settings.jobs, len(pairs)), mp_context=get_context("spawn"), initializer=_start, initargs=(settings,)
    ) as pool:
        yield from pool.map(_in_worker, pairs)


def _load(settings: Settings) -> dict[str, ShapeImageMetric]:
    return {request.column: load_metric(request, device=settings.device) for request in settings.metrics}


# What a worker process was started with.
_worker: dict[str, Any] = {}


def _start(settings: Settings) -> None:
    _worker.update(settings=settings, plugins=_load(settings))


def _in_worker(pair: Pair) -> Outcome:
    return evaluate_pair(pair, _worker["settings"], _worker["plugins"])


def evaluate_pair(pair: Pair, settings: Settings, plugins: dict[str, ShapeImageMetric] | None = None) -> Outcome:
    """Measure one sample: the result, or None where the ground truth cannot be measured, and what was left out."""
    skips: list[Skip] = []
    truth = _read(pair, "ground_truth", skips) if pair.ground_truth is not None else None
    if truth is None and pair.ground_truth is not None:
        return None, skips
    predicted = _read(pair, "prediction", skips) if pair.prediction is not None else None
    if predicted is None:
        return failure(pair.stem, wanted_metrics(pair, settings)), skips
    workers = -1 if settings.jobs <= 1 else 1
    metrics: dict[str, float] = {}
    pictures: dict[str, bytes] = {}
    registration = refinement = None
    failed: tuple[str, ...] = ()
    notes = [f"prediction: {note}" for note in predicted.notes]
    if truth is not None:
        notes += [f"ground truth: {note}" for note in truth.notes]
        comparison = compare_surfaces(
            predicted,
            truth,
            points=settings.points,
            seed=settings.seed,
            emd_cells=settings.emd_cells,
            registered=settings.registered,
            workers=workers,
        )
        metrics |= {name: value for name, value in asdict(comparison.metrics).items() if value is not None}
        found = comparison.registration
        if found is not None:
            registration = {
                "rotation_deg": found.angle_deg,
                "residual": found.residual,
                "residual_unregistered": found.unregistered,
                "start": found.start,
            }
        if settings.pictures:
            pictures |= shape_pictures(predicted, truth, found)
        if pair.predicted_pose is not None and pair.true_pose is not None:
            layout, refinement, drawn = _layout(pair, predicted, truth, settings, skips, workers)
            metrics |= layout
            pictures |= drawn
        elif pair.layout_wanted:
            unplaced = failure(pair.stem, layout_metrics(pair, settings))
            metrics |= unplaced.metrics
            failed = unplaced.failed
    elif settings.pictures:
        pictures |= shape_pictures(predicted, None, None)
    if plugins and pair.image is not None:
        metrics |= _perceptual(pair, predicted, settings, plugins, skips)
    return SampleResult(pair.stem, metrics, failed, registration, refinement, tuple(notes), pictures), skips


def wanted_metrics(pair: Pair, settings: Settings) -> list[str]:
    """The metrics that a prediction for this sample should have."""
    names = []
    if pair.ground_truth is not None:
        names += [field.name for field in fields(ShapeMetrics) if field.name != "emd" or settings.emd_cells is not None]
    if pair.layout_wanted:
        names += layout_metrics(pair, settings)
    return names + [request.column for request in settings.metrics if pair.image is not None]


def layout_metrics(pair: Pair, settings: Settings) -> list[str]:
    """The metrics that a predicted pose for this sample should have."""
    names = [field.name for field in fields(LayoutMetrics) if field.name != "iou_2d" or pair.camera is not None]
    refined = settings.refine and pair.camera is not None and pair.mask is not None
    return names + [f"refined_{name}" for name in names if refined]


def _read(pair: Pair, part: Any, skips: list[Skip]) -> Surface | None:
    path = pair.prediction if part == "prediction" else pair.ground_truth
    assert path is not None
    try:
        return read_surface(path)
    except (MeshError, OSError) as error:
        skips.append(Skip(pair.stem, part, f"{path.name}: {error}"))
        return None


def _layout(
    pair: Pair, predicted: Surface, truth: Surface, settings: Settings, skips: list[Skip], workers: int
) -> tuple[dict[str, float], str | None, dict[str, bytes]]:
    """Layout metrics of the predicted pose, and of the refined one where that was asked for."""
    assert pair.predicted_pose is not None
    assert pair.true_pose is not None
    mask = _mask(pair, skips)
    there = posed(truth, pair.true_pose)

    def measure(pose: Any) -> dict[str, float]:
        measured = compare_layouts(
            posed(predicted, pose),
            there,
            camera=pair.camera,
            mask=mask,
            points=settings.points,
            seed=settings.seed,
            workers=workers,
        )
        return {name: value for name, value in asdict(measured).items() if value is not None}

    metrics, refinement, pictures = measure(pair.predicted_pose), None, {}
    pose = pair.predicted_pose
    if settings.refine and pair.camera is not None and mask is not None:
        refined = refine_layout(
            vertices_object=predicted.vertices,
            faces=predicted.faces,
            pose=pair.predicted_pose,
            mask=mask,
            intrinsics=pair.camera,
        )
        refinement, pose = refined.verdict, refined.pose
        after = measure(pose) if refined.accepted else metrics
        metrics |= {f"refined_{name}": value for name, value in after.items()}
    if settings.pictures and pair.camera is not None:
        pictures = {"silhouette": silhouette_picture(posed(predicted, pose), there, mask, pair.camera)}
    return metrics, refinement, pictures


def _mask(pair: Pair, skips: list[Skip]) -> NDArray[np.bool_] | None:
    if pair.mask is None or pair.camera is None:
        if pair.mask is not None:
            skips.append(Skip(pair.stem, "mask", "2D IoU needs intrinsics in the ground truth's poses"))
        return None
    try:
        mask = read_mask(pair.mask)
    except OSError as error:
        skips.append(Skip(pair.stem, "mask", f"{pair.mask.name}: {error}"))
        return None
    if mask.shape != (pair.camera.height, pair.camera.width):
        wanted = f"{pair.camera.width}×{pair.camera.height}"
        skips.append(
            Skip(pair.stem, "mask", f"{mask.shape[1]}×{mask.shape[0]} pixels, but the intrinsics say {wanted}")
        )
        return None
    if not mask.any():
        skips.append(Skip(pair.stem, "mask", "the mask is empty"))
        return None
    return mask


def _perceptual(
    pair: Pair, predicted: Surface, settings: Settings, plugins: dict[str, ShapeImageMetric], skips: list[Skip]
) -> dict[str, float]:
    """Scores of the plug-ins; one that fails costs its own score alone."""
    assert pair.image is not None
    try:
        with Image.open(pair.image) as picture:
            image = np.array(picture.convert("RGB"))
    except OSError as error:
        skips.append(Skip(pair.stem, "image", f"{pair.image.name}: {error}"))
        return {}
    points = sample_surface(fitted(predicted), PERCEPTUAL_POINTS, settings.seed).points.astype(np.float32)
    scores = {}
    for name, plugin in plugins.items():
        try:
            score = float(plugin.score(points, image))
            if not np.isfinite(score):
                raise ValueError(f"the score is {score}")
        except Exception as error:
            logger.warning("the metric %s failed on %s", name, pair.stem, exc_info=True)
            skips.append(Skip(pair.stem, "image", f"{name}: {error}"))
            continue
        scores[name] = score
    return scores
