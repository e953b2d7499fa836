"""Pasted targets with hidden truth, what the suite proposes for them, and how good that is."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scripts.miniature.settings import Settings
from training_loop.backdrops import Photographs
from training_loop.bank_vae import solid_iou
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
from training_loop.split import HELDOUT_CATEGORIES, Split
from training_loop.surface import EmptySurface, mesh_from_logits

MEASURED: tuple[Split, ...] = ("heldout", "unseen", "tail")
EMD_CELLS = 256
TARGETS_AT_ONCE = 32
WORST = {"f1_at_0p01": 0.0, "voxel_iou": 0.0, "chamfer_l2": 2 * 3**0.5, "emd": 2 * 3**0.5}


@dataclass(frozen=True)
class Candidates:
    """(T, N) candidates: x₁ (T, N, cells, channels), hidden quality (T, N), and which the model made."""

    latents: Tensor
    quality: NDArray[np.float64]
    by_model: NDArray[np.bool_]


class World:
    """Three banks of shapes: to collect on, to replay, to measure with; and the retrieval that completes the suite."""

    def __init__(
        self, settings: Settings, model: GeometryModel, photographs: Photographs | None, *, seed: int, processes: int
    ) -> None:
        self.settings, self.photographs, self.seed = settings, photographs, seed
        self.views, self.device = model.config.conditioning, model.device

        def bank(work: list[tuple[str, int]]) -> ShapeBank:
            return build_bank(work, device=self.device, processes=processes)

        library = library_work("train", first=0, count=settings.shapes)
        # The world has categories that the base has never seen; of these, even seeds are met while collecting.
        new = [
            (HELDOUT_CATEGORIES[n % len(HELDOUT_CATEGORIES)], 2 * (n // len(HELDOUT_CATEGORIES)))
            for n in range(settings.shapes // 4)
        ]
        self.library = bank(library)
        self.library_latents = encode_bank(self.library, model.vae)
        self.collected = bank(library[: settings.shapes // 4] + new)
        self.collected_latents = encode_bank(self.collected, model.vae)
        self.measured = {
            split: bank(library_work(split, first=0, count=min(384, 4 * settings.evaluated))) for split in MEASURED
        }
        self._to_measure: dict[Split, Targets] = {}
        shown = self._source(self.library, "isolated").targets(Dice(self.device, seed), min(512, settings.shapes))
        self.known_features, self.known_shapes = view_features(shown.views.crop), shown.shapes

    def _source(self, bank: ShapeBank, kind: str) -> SceneExamples:
        scenes = SceneConfig({kind: 1.0}, repeats=1)
        return SceneExamples(bank, torch.zeros(0), self.photographs, scenes, self.views, self.seed)

    def replay(self) -> SceneExamples:
        """Endless examples of what the base was trained on."""
        scenes = SceneConfig({"isolated": 0.5, "flying_occlusions": 0.5}, repeats=2)
        return SceneExamples(self.library, self.library_latents, self.photographs, scenes, self.views, self.seed)

    def targets_of(self, iteration: int) -> Targets:
        """New targets to collect on: pasted, partly hidden."""
        dice = Dice(self.device, 1000 * (self.seed + 1) + iteration)
        return self._source(self.collected, "flying_occlusions").targets(dice, self.settings.targets)

    def targets_to_measure(self, split: Split) -> Targets:
        """The same in every run of a seed."""
        if split not in self._to_measure:
            dice = Dice(self.device, 77 + MEASURED.index(split))
            source = self._source(self.measured[split], "flying_occlusions")
            self._to_measure[split] = source.targets(dice, self.settings.evaluated, augment=False)
        return self._to_measure[split]

    @torch.no_grad()
    def sample(self, model: GeometryModel, views: ViewBatch, seeds: list[int]) -> Tensor:
        """x₁ (T, seeds, cells, channels) by the usual sampler."""
        chunks = []
        for rows in torch.split(torch.arange(len(views.crop), device=self.device), TARGETS_AT_ONCE):
            some = ViewBatch(**{name: value[rows] for name, value in vars(views).items()})
            sampler = replace(default_sampler(model), steps=self.settings.sampler_steps)
            x_1 = sample_latents(model, some, seeds, sampler, layout=False)[SHAPE]
            chunks.append(x_1.reshape(len(rows), len(seeds), *x_1.shape[1:]))
        return torch.cat(chunks)

    @torch.no_grad()
    def quality(self, model: GeometryModel, latents: Tensor, bank: ShapeBank, shapes: Tensor) -> NDArray[np.float64]:
        """Solid IoU with the truth, (T, N)."""
        columns = []
        for column in latents.unbind(1):
            scores = [
                solid_iou(model.vae.decode(part) > 0, bank.occupancy(some))
                for part, some in zip(
                    torch.split(column, TARGETS_AT_ONCE), torch.split(shapes, TARGETS_AT_ONCE), strict=True
                )
            ]
            columns.append(torch.cat(scores))
        return torch.stack(columns, dim=1).double().cpu().numpy()

    def retrieve(self, views: ViewBatch, count: int) -> Tensor:
        """Latents of the library shapes whose pictures look most alike, (T, count, cells, channels)."""
        distance = torch.cdist(view_features(views.crop), self.known_features)
        nearest = distance.topk(count, largest=False).indices
        return self.library_latents[self.known_shapes[nearest]].float()

    def propose(self, model: GeometryModel, targets: Targets, *, first_seed: int) -> Candidates:
        """N candidates for each target: samples of the model, and what retrieval finds."""
        settings = self.settings
        own = max(1, round(settings.candidates * settings.model_share))
        seeds = list(range(first_seed, first_seed + own))
        parts = [self.sample(model, targets.views, seeds)]
        if settings.candidates > own:
            parts.append(self.retrieve(targets.views, settings.candidates - own))
        latents = torch.cat(parts, dim=1)
        by_model = np.zeros(latents.shape[:2], dtype=bool)
        by_model[:, :own] = True
        return Candidates(latents, self.quality(model, latents, self.collected, targets.shapes), by_model)

    @torch.no_grad()
    def measure(self, model: GeometryModel, split: Split) -> tuple[dict[str, float], NDArray[np.float64]]:
        """Mean metrics of one sample for each target to measure with, and each target's solid IoU."""
        targets, bank = self.targets_to_measure(split), self.measured[split]
        latents = self.sample(model, targets.views, [self.seed])
        iou = self.quality(model, latents, bank, targets.shapes)[:, 0]
        rows = []
        for index in range(min(self.settings.measured_meshes, len(iou))):
            shape = targets.shapes[index : index + 1]
            truth = bank.occupancy(shape)[0].cpu().numpy()
            logits = model.vae.decode(latents[index])[0].cpu().numpy()
            try:
                measured = compare_meshes(
                    mesh_from_logits(logits),
                    mesh_from_logits(np.where(truth, 1.0, -1.0).astype(np.float32)),
                    points=self.settings.metric_points,
                    emd_cells=EMD_CELLS,
                )
                rows.append({name: float(value) for name, value in vars(measured).items() if value is not None})
            except EmptySurface:
                rows.append(WORST)
        means = {name: float(np.mean([row[name] for row in rows])) for name in WORST}
        return {"solid_iou": float(iou.mean()), **means}, iou
