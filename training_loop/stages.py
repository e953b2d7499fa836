"""Stages of the multi-stage recipe: each turns a step number into a loss.

Source: paper sections C.2 (pretrain, mid-train, SFT), C.3 (DPO), C.4 (distil).
"""

import copy
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from training_loop.examples import Examples
from training_loop.models.config import SHAPE
from training_loop.models.generator import GeometryModel
from training_loop.models.geometry_flow import ConditioningCache, Latents
from training_loop.models.shape_vae import ShapeVAE
from training_loop.objectives import (
    VelocityField,
    consistency_target,
    dpo_loss,
    flow_matching_loss,
    interpolate,
    shortcut_loss,
    vae_loss,
)
from training_loop.recipes import Recipe, TimeConfig, VAEConfig


class NoTrainingData(ValueError):
    """There is nothing to train on."""


def step_generator(seed: int, stage: str, step: int) -> torch.Generator:
    """Random numbers of one step of one stage."""
    words = np.random.SeedSequence([seed, *stage.encode(), step]).generate_state(2, np.uint32)
    return torch.Generator().manual_seed(int(words[0]) << 31 | int(words[1]))


def batch_indices(count: int, batch_size: int, step: int, seed: int) -> Tensor:
    """Indices of a step: epoch after epoch, each in an order of its own; a batch may span two epochs."""
    positions = np.arange(step * batch_size, (step + 1) * batch_size)
    orders = {
        epoch: np.random.default_rng([seed, int(epoch), 11]).permutation(count)
        for epoch in np.unique(positions // count)
    }
    return torch.tensor([int(orders[position // count][position % count]) for position in positions])


def draw_times(config: TimeConfig, count: int, generator: torch.Generator) -> Tensor:
    """(count,) times τ."""
    if config.distribution == "uniform":
        return torch.rand(count, generator=generator)
    return 1 - torch.sigmoid(config.mean + config.std * torch.randn(count, generator=generator))


def draw_noise(x_1: Latents, generator: torch.Generator) -> Latents:
    """x_0 like x_1, drawn on the CPU."""
    return {name: torch.randn(value.shape, generator=generator).to(value.device) for name, value in x_1.items()}


def to_device(tensors: dict[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """Move a dictionary of tensors."""
    return {name: value.to(device) for name, value in tensors.items()}


def field_of(model: GeometryModel, condition: ConditioningCache | None) -> VelocityField:
    """v_θ under a fixed condition."""
    return lambda x, t, d: model.velocity(x, t, condition, d)


class VAEStage:
    """Occupancy reconstruction with KL."""

    name = "vae"

    def __init__(self, vae: ShapeVAE, examples: Examples, config: VAEConfig, seed: int) -> None:
        self.vae, self.examples, self.config, self.seed = vae, examples, config, seed

    def parameters(self) -> Iterable[nn.Parameter]:
        """All of the VAE."""
        return self.vae.parameters()

    def loss(self, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Negative ELBO with a Dice term."""
        generator = step_generator(self.seed, self.name, step)
        indices = batch_indices(len(self.examples), self.config.batch_size, step, self.seed)
        occupancy = self.examples.occupancy(indices).float().to(next(self.vae.parameters()).device)
        mean, log_variance = self.vae.encoder(occupancy[:, None])
        mean, log_variance = mean.float(), log_variance.float()
        noise = torch.randn(mean.shape, generator=generator).to(mean.device)
        logits = self.vae.decoder(mean + (0.5 * log_variance).exp() * noise)[:, 0].float()
        terms = vae_loss(logits, occupancy, mean, log_variance, self.config.kl_weight)
        with torch.no_grad():
            both, either = (logits > 0) & (occupancy > 0), (logits > 0) | (occupancy > 0)
            iou = (both.flatten(1).sum(1) / either.flatten(1).sum(1).clamp(min=1)).mean()
        return terms["total"], {"entropy": terms["entropy"], "kl": terms["kl"], "voxel_iou": iou}


class FlowStage:
    """Flow matching on examples, mixed with a share of library examples (pretrain, mid-train, SFT)."""

    def __init__(
        self, model: GeometryModel, recipe: Recipe, seed: int, own: Examples | None, library: Examples | None
    ) -> None:
        self.name = recipe.stage.value
        self.model, self.recipe, self.seed = model, recipe, seed
        self.sources: list[tuple[Examples, int]] = []
        library_size = recipe.batch_size if own is None else round(recipe.batch_size * recipe.library_share)
        if library is not None and library_size:
            self.sources.append((library, library_size))
        if own is not None and recipe.batch_size > library_size:
            self.sources.append((own, recipe.batch_size - library_size))
        if not self.sources or not all(len(examples) for examples, _ in self.sources):
            raise NoTrainingData(f"{recipe.name}: no example to train on; give shards, or a recipe with a library")

    def parameters(self) -> Iterable[nn.Parameter]:
        """The flow, and the conditioning encoder where the recipe trains it."""
        yield from self.model.flow.parameters()
        if self.recipe.train_conditioner:
            yield from self.model.conditioner.parameters()

    def batch(self, step: int) -> tuple[ConditioningCache, Latents, dict[str, Tensor], torch.Generator]:
        """Condition (some of it dropped), x_1, which modalities are there, and the step's random numbers."""
        generator = step_generator(self.seed, self.name, step)
        caches, device = [], self.model.device
        data: list[tuple[Latents, dict[str, Tensor]]] = []
        for position, (examples, size) in enumerate(self.sources):
            indices = batch_indices(len(examples), size, step, self.seed + position)
            caches.append(examples.views(indices))
            data.append(examples.x_1(indices, self.model))
        views = type(caches[0])(
            **{name: torch.cat([getattr(cache, name) for cache in caches]) for name in vars(caches[0])}
        ).to(device)
        x_1 = {name: torch.cat([part[0][name] for part in data]) for name in data[0][0]}
        present = {name: torch.cat([part[1][name] for part in data]) for name in data[0][1]}
        keep = torch.rand(self.recipe.batch_size, generator=generator) >= self.recipe.drop_condition
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.recipe.train_conditioner):
            tokens = self.model.conditioner(views)
        condition = self.model.flow.condition(tokens, views.crop, keep.to(device))
        return condition, to_device(x_1, device), to_device(present, device), generator

    def loss(self, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Eq. 1."""
        condition, x_1, present, generator = self.batch(step)
        t = draw_times(self.recipe.time, self.recipe.batch_size, generator).to(self.model.device)
        x_0 = draw_noise(x_1, generator)
        result = flow_matching_loss(field_of(self.model, condition), x_0, x_1, t, self.recipe.weights, present)
        return result.total, {name: value.detach() for name, value in result.per_modality.items()}


@dataclass(frozen=True)
class PreferencePairs:
    """Pairs by index: `example` (P,) into the examples; `winner`, `loser` (P, cells, channels) latents x₁."""

    example: Tensor
    winner: Tensor
    loser: Tensor

    def __len__(self) -> int:
        return self.example.shape[0]


class DPOStage:
    """Preferences over shapes against a frozen copy of the starting weights."""

    name = "dpo"

    def __init__(
        self, model: GeometryModel, recipe: Recipe, seed: int, examples: Examples, pairs: PreferencePairs
    ) -> None:
        if not len(pairs):
            raise NoTrainingData(
                f"{recipe.name}: the snapshot has no preference pair to train on; collect comparisons between sam3d "
                "candidates, or set dpo.inferred_pairs or dpo.only_sam3d_negatives=false"
            )
        self.model, self.recipe, self.seed, self.examples, self.pairs = model, recipe, seed, examples, pairs
        self.reference = copy.deepcopy(model.flow).requires_grad_(False)

    def parameters(self) -> Iterable[nn.Parameter]:
        """The flow; the conditioning encoder is the reference's as well and stays."""
        return self.model.flow.parameters()

    def loss(self, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Eq. 2 and 3."""
        generator, device = step_generator(self.seed, self.name, step), self.model.device
        chosen = batch_indices(len(self.pairs), self.recipe.batch_size, step, self.seed)
        winner, loser = self.pairs.winner[chosen].to(device), self.pairs.loser[chosen].to(device)
        with torch.no_grad():
            views = self.examples.views(self.pairs.example[chosen]).to(device)
            tokens = self.model.conditioner(views)
            reference_condition = self.reference.condition(tokens, views.crop)
        condition = self.model.flow.condition(tokens, views.crop)
        t = draw_times(self.recipe.time, len(chosen), generator).to(device)
        x_0 = draw_noise({SHAPE: winner}, generator)[SHAPE]
        result = dpo_loss(
            field_of(self.model, condition),
            lambda x, t, d: self.reference(x, t, reference_condition, d),
            x_0,
            winner,
            loser,
            t,
            self.recipe.dpo.beta,
        )
        return result.total, {
            "reward_margin": result.reward_margin.mean(),
            "accuracy": result.accuracy,
            "winner_error": result.winner_error,
        }


class DistilStage(FlowStage):
    """Shortcut distillation: most samples flow matching, the others two guided steps in one."""

    def loss(self, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Eq. 4 with Algorithm 2. Guidance enters at the smallest step and is inherited by the longer ones."""
        condition, x_1, _, generator = self.batch(step)
        config, device, size = self.recipe.distil, self.model.device, self.recipe.batch_size
        t = draw_times(self.recipe.time, size, generator)
        d = torch.zeros(size)
        count = round(size * config.consistency_share)
        level = torch.randint(0, config.finest.bit_length() - 1, (count,), generator=generator)
        d[:count] = 2.0**level / config.finest
        t[:count] = (torch.rand(count, generator=generator) / (2 * d[:count])).floor() * 2 * d[:count]
        t, d = t.to(device), d.to(device)
        rows = d > 0
        x_0 = draw_noise(x_1, generator)
        x_t = interpolate(x_0, x_1, t)
        smallest = d[rows] <= 1.0 / config.finest
        target = consistency_target(
            field_of(self.model, condition.select(rows)),
            field_of(self.model, None),
            {name: value[rows] for name, value in x_t.items()},
            t[rows],
            d[rows],
            w_cfg=torch.where(smallest, config.w_cfg, 1.0),
            d_input=torch.where(smallest, 0.0, d[rows]),
        )
        result = shortcut_loss(field_of(self.model, condition), x_0, x_1, t, d, target, self.recipe.weights)
        return result.total, {"flow_matching": result.flow_matching, "self_consistency": result.self_consistency}
