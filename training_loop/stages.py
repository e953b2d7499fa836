"""Stages of the multi-stage recipe. Each draws what a step needs, ahead and on the CPU, and turns it into a loss.

`loss` never waits for the device: nothing in it asks for the value of a tensor, and no shape depends on one.

Source: paper sections C.2 (pretrain, mid-train, SFT), C.3 (DPO), C.4 (distil).
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from training_loop.batches import Chance, Mixture, NoTrainingData, Part, indices_at
from training_loop.examples import Examples, unpack_occupancy
from training_loop.models.conditioning import ViewBatch
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
from training_loop.recipe import Recipe, VAEConfig

__all__ = ["DPOStage", "DistilStage", "FlowStage", "NoTrainingData", "Part", "Stage", "VAEStage"]

Logged = dict[str, Tensor]


class Stage(Protocol):
    """What is trained, and how its loss is computed."""

    name: str
    batch_size: int

    def trained(self) -> dict[str, nn.Module]:
        """Modules whose weights the optimizer moves, by a name of their own."""
        ...

    def draw(self, step: int, rows: Sequence[int]) -> Any:
        """Data and random numbers of some rows of a step's global batch; a function of its arguments and the seed."""
        ...

    def loss(self, batch: Any) -> tuple[Tensor, Logged]:
        """Mean loss over the drawn rows, on the device of the batch, and what to log."""
        ...


class _Trains:
    def trained(self) -> dict[str, nn.Module]:
        raise NotImplementedError

    def parameters(self) -> Iterator[nn.Parameter]:
        """All trained weights."""
        for module in self.trained().values():
            yield from module.parameters()


def field_of(model: GeometryModel, condition: ConditioningCache | None) -> VelocityField:
    """v_θ under a fixed condition."""
    return lambda x, t, d: model.velocity(x, t, condition, d)


@dataclass(frozen=True)
class VAEBatch:
    """`occupancy_bits` as in `Examples`; `noise` (B, c, r, r, r)."""

    occupancy_bits: Tensor
    noise: Tensor


class VAEStage(_Trains):
    """Occupancy reconstruction with KL."""

    name = "vae"

    def __init__(self, vae: ShapeVAE, examples: Examples, config: VAEConfig, seed: int) -> None:
        self.vae, self.examples, self.config, self.seed = vae, examples, config, seed
        self.batch_size = config.batch_size

    def trained(self) -> dict[str, nn.Module]:
        """All of the VAE."""
        return {"vae": self.vae}

    def draw(self, step: int, rows: Sequence[int]) -> VAEBatch:
        """Shapes and the posterior's noise."""
        indices = indices_at([step * self.batch_size + row for row in rows], len(self.examples), self.seed)
        bits = self.examples.occupancy_bits[indices.to(self.examples.occupancy_bits.device)]
        edge = self.vae.config.latent_resolution
        chance = Chance(self.seed, self.name, step, rows, bits.device)
        return VAEBatch(bits, chance.normal(self.vae.config.latent_channels, edge, edge, edge))

    def loss(self, batch: VAEBatch) -> tuple[Tensor, Logged]:
        """Negative ELBO with a Dice term."""
        occupancy = unpack_occupancy(batch.occupancy_bits).float()
        mean, log_variance = self.vae.encoder(occupancy[:, None])
        mean, log_variance = mean.float(), log_variance.float()
        logits = self.vae.decoder(mean + (0.5 * log_variance).exp() * batch.noise)[:, 0].float()
        terms = vae_loss(logits, occupancy, mean, log_variance, self.config.kl_weight)
        with torch.no_grad():
            both, either = (logits > 0) & (occupancy > 0), (logits > 0) | (occupancy > 0)
            iou = (both.flatten(1).sum(1) / either.flatten(1).sum(1).clamp(min=1)).mean()
        return terms["total"], {"entropy": terms["entropy"].detach(), "kl": terms["kl"].detach(), "voxel_iou": iou}


@dataclass(frozen=True)
class FlowBatch:
    """Views, x_1, which modalities are there, x_0, τ (B,), and where `keep` (B,) is False the condition is dropped."""

    views: ViewBatch
    x_1: Latents
    present: dict[str, Tensor]
    x_0: Latents
    t: Tensor
    keep: Tensor


class FlowStage(_Trains):
    """Flow matching on a mixture of examples (pretrain, mid-train, SFT)."""

    def __init__(self, model: GeometryModel, recipe: Recipe, seed: int, parts: Sequence[Part]) -> None:
        self.name = recipe.stage.value
        self.model, self.recipe, self.seed = model, recipe, seed
        self.mixture = Mixture(parts, seed)
        self.batch_size = self.mixture.batch_size

    def trained(self) -> dict[str, nn.Module]:
        """The flow, and the conditioning encoder where the recipe trains it."""
        trained: dict[str, nn.Module] = {"flow": self.model.flow}
        return trained | ({"conditioner": self.model.conditioner} if self.recipe.train_conditioner else {})

    def draw(self, step: int, rows: Sequence[int]) -> FlowBatch:
        """Examples, noise, times and dropped conditions."""
        return draw_flow(self.mixture.gather(step, rows), self.model, self.recipe, self.name, self.seed, step, rows)

    def condition(self, batch: FlowBatch) -> ConditioningCache:
        """Encode the batch's targets, some of which have lost their condition."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.recipe.train_conditioner):
            tokens = self.model.conditioner(batch.views)
        return self.model.flow.condition(tokens, batch.views.crop, batch.keep, layout=len(batch.x_1) > 1)

    def loss(self, batch: FlowBatch) -> tuple[Tensor, Logged]:
        """Eq. 1."""
        field = field_of(self.model, self.condition(batch))
        result = flow_matching_loss(field, batch.x_0, batch.x_1, batch.t, self.recipe.weights, batch.present)
        return result.total, {name: value.detach() for name, value in result.per_modality.items()}


def draw_flow(
    examples: Examples, model: GeometryModel, recipe: Recipe, stage: str, seed: int, step: int, rows: Sequence[int]
) -> FlowBatch:
    """Add chance to gathered examples: each is encoded once, for `recipe.draws` draws of noise and time.

    Where the shape alone is trained the layout is left out: its stream reads the shape's, not the other way round.
    """
    chance, draws = Chance(seed, stage, step, rows, examples.crop.device), recipe.draws
    x_1, present = (
        {
            name: value.repeat_interleave(draws, 0)
            for name, value in values.items()
            if name == SHAPE or set(recipe.weights) != {SHAPE}
        }
        for values in examples.x_1(model)
    )
    return FlowBatch(
        views=restrict(examples.views(), recipe.condition),
        x_1=x_1,
        present=present,
        keep=chance.uniform() >= recipe.drop_condition,
        t=chance.times(recipe.time, draws),
        x_0=chance.noise_like(x_1, draws),
    )


def restrict(views: ViewBatch, condition: Sequence[str]) -> ViewBatch:
    """Leave out what a stage does not see (Table 5); without `full`, the crop is all there is of the photograph."""
    if "full" not in condition:
        views = replace(views, full=views.crop)
    if "point_map" not in condition:
        views = replace(views, has_points=torch.zeros_like(views.has_points))
    return views


class PairSource(Protocol):
    """Preference pairs by index."""

    def __len__(self) -> int:
        """How many pairs make an epoch."""
        ...

    def gather(self, indices: Tensor) -> "PreferencePairs":
        """Pairs at (B,) int64 indices, in their order."""
        ...


@dataclass(frozen=True)
class PreferencePairs:
    """P pairs: the views of their targets, and x₁ of `winner` and `loser`, (P, cells, channels) each."""

    views: ViewBatch
    winner: Tensor
    loser: Tensor

    def __len__(self) -> int:
        return self.winner.shape[0]

    def gather(self, indices: Tensor) -> "PreferencePairs":
        """Some of the pairs."""
        indices = indices.to(self.winner.device, non_blocking=True)
        views = ViewBatch(**{name: value[indices] for name, value in vars(self.views).items()})
        return PreferencePairs(views, self.winner[indices], self.loser[indices])


@dataclass(frozen=True)
class DPOBatch:
    """Pairs, their shared noise x_0 (P, cells, channels) and times (P,), and examples that anchor the policy."""

    pairs: PreferencePairs
    x_0: Tensor
    t: Tensor
    anchors: FlowBatch | None


class DPOStage(_Trains):
    """Preferences over shapes against a frozen copy of the starting weights.

    Both sides of a pair share one encoding of their target, one noise and one time, and ride in one forward pass. With
    `anchors` (earlier data, one example a pair) and `dpo.flow_matching_weight`, Eq. 1 on them is added to the loss.
    """

    name = "dpo"

    def __init__(
        self, model: GeometryModel, recipe: Recipe, seed: int, pairs: PairSource, anchors: Sequence[Part] = ()
    ) -> None:
        if not len(pairs):
            raise NoTrainingData(
                f"{recipe.name}: the snapshot has no preference pair to train on; collect comparisons between sam3d "
                "candidates, or set dpo.inferred_pairs or dpo.only_sam3d_negatives=false"
            )
        self.model, self.recipe, self.seed, self.pairs = model, recipe, seed, pairs
        self.reference = copy.deepcopy(model.flow).requires_grad_(False)
        if self.reference.compiled:
            self.reference.compile_blocks()
        self.batch_size = recipe.batch_size
        self.anchors: FlowStage | None = None
        if anchors:
            self.anchors = FlowStage(model, replace(recipe, train_conditioner=False), seed, anchors)
            self.anchors.name = "dpo_anchors"
            if self.anchors.batch_size != self.batch_size:
                raise ValueError(f"{self.anchors.batch_size} anchors for {self.batch_size} pairs; one each is wanted")

    def trained(self) -> dict[str, nn.Module]:
        """The flow; the conditioning encoder is the reference's as well and stays."""
        return {"flow": self.model.flow}

    def draw(self, step: int, rows: Sequence[int]) -> DPOBatch:
        """Pairs with noise and times, and as many anchors."""
        pairs = self.pairs.gather(
            indices_at([step * self.batch_size + row for row in rows], len(self.pairs), self.seed)
        )
        chance = Chance(self.seed, self.name, step, rows, pairs.winner.device)
        anchors = None
        if self.anchors is not None:
            anchors = self.anchors.draw(step, rows)
        return DPOBatch(
            pairs=replace(pairs, views=restrict(pairs.views, self.recipe.condition)),
            t=chance.times(self.recipe.time),
            x_0=chance.normal(*pairs.winner.shape[1:]),
            anchors=anchors,
        )

    def loss(self, batch: DPOBatch) -> tuple[Tensor, Logged]:
        """Eq. 2 and 3."""
        views = batch.pairs.views
        with torch.no_grad():
            tokens = self.model.conditioner(views)
            reference_condition = self.reference.condition(tokens, views.crop, layout=False)
        result = dpo_loss(
            field_of(self.model, self.model.flow.condition(tokens, views.crop, layout=False)),
            lambda x, t, d: self.reference(x, t, reference_condition, d),
            batch.x_0,
            batch.pairs.winner,
            batch.pairs.loser,
            batch.t,
            self.recipe.dpo.beta,
        )
        logged = {
            "reward_margin": result.reward_margin.mean(),
            "accuracy": result.accuracy,
            "winner_error": result.winner_error,
            "implicit_reward": result.reward,
        }
        if self.anchors is None or batch.anchors is None:
            return result.total, logged
        anchored, _ = self.anchors.loss(batch.anchors)
        total = result.total + self.recipe.dpo.flow_matching_weight * anchored
        return total, logged | {"preference": result.total.detach(), "flow_matching": anchored.detach()}


@dataclass(frozen=True)
class DistilBatch:
    """A flow batch with the teacher's step size d (B,), 0 where a row trains Eq. 1; `rows` are those with d > 0."""

    flow: FlowBatch
    d: Tensor
    rows: Tensor


class DistilStage(FlowStage):
    """Shortcut distillation: most samples flow matching, the others two guided steps in one."""

    def draw(self, step: int, rows: Sequence[int]) -> DistilBatch:  # type: ignore[override]
        """A flow batch, a fixed share of which is told a step size."""
        batch, config, draws = super().draw(step, rows), self.recipe.distil, self.recipe.draws
        size = self.batch_size * draws
        rng = np.random.default_rng([self.seed, *self.name.encode(), step])
        # One row of every stratum, so that all processes get about as many.
        bounds = np.linspace(0, size, round(size * config.consistency_share) + 1).astype(int)
        chosen = rng.integers(bounds[:-1], bounds[1:])
        d, t = np.zeros(size), np.zeros(size)
        d[chosen] = 2.0 ** rng.integers(0, config.finest.bit_length() - 1, len(chosen)) / config.finest
        # Times on the grid of steps of size 2d, as sampling visits them.
        t[chosen] = np.floor(rng.random(len(chosen)) / (2 * d[chosen])) * 2 * d[chosen]
        own = (np.asarray(rows)[:, None] * draws + np.arange(draws)).reshape(-1)
        d, t = d[own], t[own]
        # With no row to teach the teacher still runs once, on a row without weight: other processes wait for it.
        taught = np.flatnonzero(d) if d.any() else np.zeros(1, dtype=np.int64)
        device = batch.t.device
        told = torch.from_numpy(d).float().to(device)
        times = torch.where(told > 0, torch.from_numpy(t).float().to(device), batch.t)
        return DistilBatch(replace(batch, t=times), told, torch.from_numpy(taught).to(device))

    def loss(self, batch: DistilBatch) -> tuple[Tensor, Logged]:  # type: ignore[override]
        """Eq. 4 with Algorithm 2. Guidance enters at the smallest step and is inherited by the longer ones."""
        flow, rows, config = batch.flow, batch.rows, self.recipe.distil
        condition, d = self.condition(flow), batch.d[batch.rows]
        smallest = d <= 1.0 / config.finest
        x_t = interpolate(flow.x_0, flow.x_1, flow.t)
        target = consistency_target(
            field_of(self.model, condition.select(rows // self.recipe.draws)),
            field_of(self.model, None),
            {name: value[rows] for name, value in x_t.items()},
            flow.t[rows],
            d,
            w_cfg=torch.where(smallest, config.w_cfg, 1.0),
            d_input=torch.where(smallest, 0.0, d),
        )
        result = shortcut_loss(
            field_of(self.model, condition),
            flow.x_0,
            flow.x_1,
            flow.t,
            batch.d,
            target,
            rows,
            self.recipe.weights,
            flow.present,
        )
        return result.total, {"flow_matching": result.flow_matching, "self_consistency": result.self_consistency}
