"""Pasted targets with hidden truth, what the suite proposes for them, and how good that is."""

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scripts.miniature.samples import Samples, logits_of, whole_steps
from scripts.miniature.settings import Settings
from training_loop.backdrops import Photographs
from training_loop.bank_vae import solid_iou
from training_loop.batches import ENDLESS
from training_loop.cameras_on_device import Dice
from training_loop.evaluation.shape_metrics import compare_meshes
from training_loop.models.conditioning import ViewBatch
from training_loop.models.config import SHAPE
from training_loop.models.gaussian_prior import view_features
from training_loop.models.generator import GeometryModel
from training_loop.sampling import default_sampler, sample_latents
from training_loop.scene_examples import SceneConfig, SceneExamples, encode_bank
from training_loop.scenes import Targets
from training_loop.shape_bank import ShapeBank, build_bank, library_work
from training_loop.shape_library import CATEGORIES
from training_loop.split import HELDOUT_CATEGORIES, TAIL_CATEGORIES, TRAIN_CATEGORIES
from training_loop.surface import EmptySurface, mesh_from_logits
from training_loop.target_pool import TargetPool

# What the world shows, by its shares: new instances of what the base knows; categories that it has never seen, half of
# the objects; unusual ones, each of them rare. The rest of the categories that it has never seen never comes up.
WORLD = {"known": (TRAIN_CATEGORIES, 0.3), "met": (HELDOUT_CATEGORIES[:4], 0.5), "tail": (TAIL_CATEGORIES, 0.2)}
MEASURED = WORLD | {"unseen": (HELDOUT_CATEGORIES[4:], 0.3)}
MOST_INSTANCES = 256
# Instances that the base was not trained on, and of which people make candidates from a name.
FIRST_COLLECTED, FIRST_NAMED = 40_000, 60_000
NAMED_EACH = 8
RIGHT_NAME_SHARE = 0.8
EMD_CELLS = 256
# Rows of one pass: what fills a GPU, and what its memory holds decoded beside other flywheels.
SAMPLED_AT_ONCE, DECODED_AT_ONCE = 2048, 64
# A single noise for all would be a lucky or an unlucky one.
MEASURED_NOISES = 4
CALIBRATED_ON = 256
WORST = {"f1_at_0p01": 0.0, "voxel_iou": 0.0, "chamfer_l2": 2 * 3**0.5, "emd": 2 * 3**0.5}

Metrics = dict[str, float]


@dataclass(frozen=True)
class Candidates:
    """(T, N) candidates: x₁ (T, N, cells, channels), hidden quality (T, N), and which the model made."""

    latents: Tensor
    quality: NDArray[np.float64]
    by_model: NDArray[np.bool_]


@dataclass(frozen=True)
class Measured:
    """One stage on one set: each target's solid IoU, the logits of some, and their surface metrics, as they will be."""

    iou: NDArray[np.float64]
    logits: list[NDArray[np.int8]]
    surfaces: list[Future[Metrics]]

    def rows(self) -> dict[str, list[float]]:
        """Every metric of every target whose surface was compared; waits for them."""
        rows = [surface.result() for surface in self.surfaces]
        return {name: [row[name] for row in rows] for name in WORST} if rows else {}

    def means(self) -> Metrics:
        """All means, of surfaces over as many targets as after every stage; waits for them."""
        return {"solid_iou": float(self.iou.mean())} | {
            name: float(np.mean(values[: len(self.logits)])) for name, values in self.rows().items()
        }


def of_categories(categories: Sequence[str], count: int, *, first: int, odd: bool = False) -> list[tuple[str, int]]:
    """So many instances: the categories take turns, seeds count on from the `first`-th even or odd one."""
    return [(categories[n % len(categories)], 2 * (first + n // len(categories)) + odd) for n in range(count)]


def share_of(name: str, count: int) -> int:
    """A measured set's part of `count`."""
    return max(1, round(MEASURED[name][1] * count))


def make_banks(settings: Settings, *, device: torch.device, processes: int) -> dict[str, ShapeBank]:
    """All shapes of the world; the same for every seed and variant."""
    each = min(NAMED_EACH, max(1, settings.shapes // 64))
    named = [category for categories, _ in WORLD.values() for category in categories]
    work = {
        "library": library_work("train", first=0, count=settings.shapes),
        "collected": [
            instance
            for categories, share in WORLD.values()
            for instance in of_categories(categories, round(share * settings.collected), first=FIRST_COLLECTED)
        ],
        "named": of_categories(named, each * len(named), first=FIRST_NAMED),
    }
    for name, (categories, _) in MEASURED.items():
        count = min(MOST_INSTANCES, 4 * share_of(name, settings.evaluated))
        work[name] = of_categories(categories, count, first=0, odd=True)
    return {name: build_bank(listed, device=device, processes=processes) for name, listed in work.items()}


class World:
    """Shapes to collect on, to replay, to retrieve and to measure with."""

    def __init__(
        self,
        settings: Settings,
        model: GeometryModel,
        banks: dict[str, ShapeBank],
        *,
        photographs: Photographs | None,
        unseen_photographs: Photographs | None,
        seed: int,
        measuring: Executor,
    ) -> None:
        self.settings, self.photographs, self.seed, self.measuring = settings, photographs, seed, measuring
        self.unseen_photographs, self.strength = unseen_photographs, settings.strengths[0]
        self.views, self.device, self.banks = model.config.conditioning, model.device, banks
        self.latents = {name: encode_bank(banks[name], model.vae).float() for name in ("library", "collected", "named")}
        self._to_measure: dict[str, Targets] = {}
        shown = self._source("library", "isolated").targets(Dice(self.device, seed), min(1024, settings.shapes))
        self.known_features, self.known_shapes = view_features(shown.views.crop), shown.shapes
        scenes = SceneConfig({"isolated": 0.5, "flying_occlusions": 0.5}, repeats=1)
        replayed = SceneExamples(banks["library"], self.latents["library"], photographs, scenes, self.views, seed)
        # What the base was trained on, to replay: made once, for all turns.
        self.replay = TargetPool(
            lambda: replayed, chunks=settings.replay, fresh_every=ENDLESS, seed=seed, chunk=settings.piece
        )

    def _source(self, bank: str, kind: str, *, unseen_photographs: bool = False) -> SceneExamples:
        photographs = self.unseen_photographs if unseen_photographs else self.photographs
        scenes = SceneConfig({kind: 1.0}, repeats=1)
        return SceneExamples(self.banks[bank], torch.zeros(0), photographs, scenes, self.views, self.seed)

    def targets_of(self, iteration: int) -> Targets:
        """New targets to collect on: pasted, partly hidden."""
        dice = Dice(self.device, 1000 * (self.seed + 1) + iteration)
        return self._source("collected", "flying_occlusions").targets(dice, self.settings.targets)

    def kinds(self, targets: Targets) -> list[str]:
        """Of which part of the world each target to collect on is: `known`, `met` or `tail`."""
        kind_of = {
            CATEGORIES.index(category): kind for kind, (categories, _) in WORLD.items() for category in categories
        }
        return [kind_of[category] for category in self.banks["collected"].category[targets.shapes].tolist()]

    def targets_to_measure(self, name: str) -> Targets:
        """Pasted into photographs that nothing else was pasted into; the same in every run of a seed."""
        if name not in self._to_measure:
            dice = Dice(self.device, 77 + 10 * self.seed + list(MEASURED).index(name))
            source = self._source(name, "flying_occlusions", unseen_photographs=True)
            self._to_measure[name] = source.targets(dice, share_of(name, self.settings.evaluated), augment=False)
        return self._to_measure[name]

    def shown(self, first: dict[str, Measured], last: dict[str, Measured]) -> Samples:
        """What two stages made of the measured targets whose surfaces were compared."""
        truth, crop, split = [], [], []
        for name, measured in last.items():
            targets, count = self.targets_to_measure(name), len(measured.logits)
            truth.append(self.banks[name].occupancy(targets.shapes[:count]).cpu().numpy())
            crop.append(targets.views.crop[:count].cpu().numpy())
            split += [name] * count
        before, after = (np.stack([one for found in stage.values() for one in found.logits]) for stage in (first, last))
        return Samples(before, after, np.concatenate(truth), np.concatenate(crop), np.array(split))

    def calibrate(self, model: GeometryModel) -> float:
        """The guidance that suits a model best, on replayed shapes; nothing that is measured later takes part."""
        if len(self.settings.strengths) == 1:
            return self.strength
        count = min(CALIBRATED_ON, self.settings.evaluated)
        targets = self._source("library", "flying_occlusions").targets(Dice(self.device, 55), count)
        found = {}
        for strength in self.settings.strengths:
            self.strength = strength
            latents = self.sample(model, targets.views, [self.seed])
            found[strength] = float(self.quality(model, latents, "library", targets.shapes).mean())
        self.strength = max(found, key=lambda strength: found[strength])
        return self.strength

    @torch.no_grad()
    def sample(self, model: GeometryModel, views: ViewBatch, seeds: list[int]) -> Tensor:
        """x₁ (T, seeds, cells, channels) by the usual sampler."""
        chunks = []
        at_once = max(1, SAMPLED_AT_ONCE // len(seeds))
        for rows in torch.split(torch.arange(len(views.crop), device=self.device), at_once):
            some = ViewBatch(**{name: value[rows] for name, value in vars(views).items()})
            sampler = replace(default_sampler(model), steps=self.settings.sampler_steps, strength=self.strength)
            x_1 = sample_latents(model, some, seeds, sampler, layout=False)[SHAPE]
            chunks.append(x_1.reshape(len(rows), len(seeds), *x_1.shape[1:]).float())
        return torch.cat(chunks)

    def sample_one(self, model: GeometryModel, views: ViewBatch, *, first_seed: int) -> Tensor:
        """x₁ (T, 1, cells, channels): a sample for each target, from one of a few noises in turn."""
        rows = torch.arange(len(views.crop), device=self.device)
        found: list[Tensor] = []
        for number in range(min(MEASURED_NOISES, len(rows))):
            some = ViewBatch(**{name: value[number::MEASURED_NOISES] for name, value in vars(views).items()})
            found.append(self.sample(model, some, [first_seed + number]))
        order = torch.cat([rows[number::MEASURED_NOISES] for number in range(len(found))])
        return torch.cat(found)[torch.argsort(order)]

    @torch.no_grad()
    def quality(self, model: GeometryModel, latents: Tensor, bank: str, shapes: Tensor) -> NDArray[np.float64]:
        """Solid IoU with the truth, (T, N)."""
        columns = []
        for column in latents.unbind(1):
            scores = [
                solid_iou(model.vae.decode(part) > 0, self.banks[bank].occupancy(some))
                for part, some in zip(
                    torch.split(column, DECODED_AT_ONCE), torch.split(shapes, DECODED_AT_ONCE), strict=True
                )
            ]
            columns.append(torch.cat(scores))
        return torch.stack(columns, dim=1).double().cpu().numpy()

    def retrieve(self, views: ViewBatch, count: int) -> Tensor:
        """Latents of the library shapes whose pictures look most alike, (T, count, cells, channels)."""
        distance = torch.cdist(view_features(views.crop), self.known_features)
        nearest = distance.topk(count, largest=False).indices
        return self.latents["library"][self.known_shapes[nearest]]

    def by_name(self, targets: Targets, count: int, *, first_seed: int) -> Tensor:
        """Shapes made from the object's name, (T, count, cells, channels): of its category, or, one time in five, of
        any, for people misname things.
        """
        rng = np.random.default_rng([self.seed, first_seed, 23])
        named = self.banks["named"].category.cpu().numpy()
        wanted = self.banks["collected"].category[targets.shapes].cpu().numpy()
        chosen = np.empty((len(wanted), count), dtype=np.int64)
        for row, category in enumerate(wanted):
            of_category = np.flatnonzero(named == category)
            for column in range(count):
                right = len(of_category) and rng.random() < RIGHT_NAME_SHARE
                chosen[row, column] = rng.choice(of_category) if right else rng.integers(len(named))
        return self.latents["named"][torch.from_numpy(chosen).to(self.device)]

    def propose(self, model: GeometryModel, targets: Targets, *, first_seed: int) -> Candidates:
        """N candidates for each target: samples of the model, what retrieval finds, what the name gives."""
        settings = self.settings
        own = max(1, round(settings.candidates * settings.model_share))
        named = (settings.candidates - own) // 2
        retrieved = settings.candidates - own - named
        parts = [self.sample(model, targets.views, list(range(first_seed, first_seed + own)))]
        if retrieved:
            parts.append(self.retrieve(targets.views, retrieved))
        if named:
            parts.append(self.by_name(targets, named, first_seed=first_seed))
        latents = torch.cat(parts, dim=1)
        by_model = np.zeros(latents.shape[:2], dtype=bool)
        by_model[:, :own] = True
        return Candidates(latents, self.quality(model, latents, "collected", targets.shapes), by_model)

    @torch.no_grad()
    def measure(self, model: GeometryModel, name: str, *, surfaces: int) -> Measured:
        """One sample for each target to measure with; so many times as many surfaces as are kept are compared, by other
        processes meanwhile.
        """
        targets, bank = self.targets_to_measure(name), self.banks[name]
        latents = self.sample_one(model, targets.views, first_seed=MEASURED_NOISES * self.seed)
        iou = self.quality(model, latents, name, targets.shapes)[:, 0]
        waiting, kept = [], []
        count = min(share_of(name, self.settings.meshes), len(iou))
        for index in range(min(count * max(1, surfaces), len(iou))):
            logits = whole_steps(model.vae.decode(latents[index])[0].cpu().numpy())
            if index < count:
                kept.append(logits)
            if surfaces:
                truth = bank.occupancy(targets.shapes[index : index + 1])[0].cpu().numpy()
                waiting.append(self.measuring.submit(compare_logits, logits, truth, self.settings.metric_points))
        return Measured(iou, kept, waiting)


def compare_logits(logits: NDArray[np.int8], truth: NDArray[np.bool_], points: int) -> Metrics:
    """Surface metrics of predicted logits (in whole steps) against true cells, both (R, R, R).

    As D.3.1, but without ICP: both are in the canonical frame, as in `training_loop evaluate --checkpoint`.
    """
    torch.set_num_threads(1)
    try:
        measured = compare_meshes(
            mesh_from_logits(logits_of(logits)),
            mesh_from_logits(np.where(truth, 1.0, -1.0).astype(np.float32)),
            points=points,
            emd_cells=EMD_CELLS,
            registered=False,
            workers=1,
        )
    except EmptySurface:
        return WORST
    return {name: float(value) for name, value in vars(measured).items() if value is not None}


def save_banks(banks: dict[str, ShapeBank], folder: Path) -> None:
    """Write all banks, for other processes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, bank in banks.items():
        bank.save(folder / f"{name}.bank")


def load_banks(folder: Path, device: torch.device) -> dict[str, ShapeBank]:
    """Read what `save_banks` wrote."""
    return {path.stem: ShapeBank.load(path, device) for path in sorted(folder.glob("*.bank"))}
