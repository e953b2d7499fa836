"""Algorithm 1: collect with the current model, filter by α_k, fine-tune, align; again."""

import copy
import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.selection.tournament import preference_pairs
from scripts.miniature.oracle import Oracle, noise_for_agreement
from scripts.miniature.settings import Settings
from scripts.miniature.world import Candidates, World
from training_loop.batches import Part
from training_loop.cameras_on_device import Dice
from training_loop.examples import Examples
from training_loop.models.conditioning import ViewBatch
from training_loop.models.generator import GeometryModel
from training_loop.objectives import implicit_reward
from training_loop.precision import autocast
from training_loop.progress import ProgressLog
from training_loop.recipe import Recipe
from training_loop.recipes import find_recipe
from training_loop.scenes import Targets
from training_loop.stages import DPOStage, FlowStage, PreferencePairs, Stage, field_of
from training_loop.trainer import Trainer

# Where the photograph decides the shape; later the noisy latent tells nearly all of it (`MINI_TIMES`).
REWARD_TIMES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4)
SEARCHED_AT_ONCE = 32
# Of those who compare checkpoints, whoever picked candidates before.
JUDGES_AGREE = 0.75


@dataclass
class Collected:
    """C: views, chosen latent, rating and (winner, loser) pairs of every judged target of all iterations."""

    views: list[ViewBatch] = field(default_factory=list)
    chosen: list[Tensor] = field(default_factory=list)
    rating: list[float] = field(default_factory=list)
    pairs: list[list[tuple[Tensor, Tensor]]] = field(default_factory=list)

    def add(self, views: ViewBatch, chosen: Tensor, rating: float, pairs: list[tuple[Tensor, Tensor]]) -> None:
        """Keep one target's outcome, whatever its rating: α filters, it does not delete."""
        self.views.append(views)
        self.chosen.append(chosen)
        self.rating.append(rating)
        self.pairs.append(pairs)

    def over(self, alpha: float) -> list[int]:
        """Which outcomes are rated α or better."""
        return [index for index, rating in enumerate(self.rating) if rating >= alpha]


class Flywheel:
    """One run with its settings, from a base model."""

    def __init__(self, world: World, base: GeometryModel, settings: Settings, *, seed: int) -> None:
        self.world, self.settings, self.seed = world, settings, seed
        self.model = copy.deepcopy(base)
        self.before_dpo: GeometryModel | None = None
        self.collected = Collected()
        self.oracle: Oracle | None = None
        self.judge_noise, self.first_alpha, self.stages = 0.0, 0.0, 0

    def turn(self, k: int) -> dict[str, Any]:
        """One iteration; returns its figures. The model moves on."""
        settings = self.settings
        targets = self.world.targets_of(k)
        candidates = self.world.propose(self.model, targets, first_seed=1000 * k)
        if self.oracle is None:
            noise = noise_for_agreement(candidates.quality, settings.agreement)
            self.oracle = Oracle(choice_noise=noise, rating_noise=settings.rating_noise)
            self.judge_noise = noise_for_agreement(candidates.quality, JUDGES_AGREE)
        rng = np.random.default_rng([self.seed, k])
        ratings, winners = self._judge(targets, candidates, k, rng)
        if k == 0:
            self.first_alpha = float(np.quantile(ratings, settings.alpha_quantile))
        wanted = self.first_alpha + settings.alpha_step * k
        figures = self._recover(targets, ratings, wanted, k, rng) | self._ask_artists(targets, ratings)
        alpha = wanted if settings.use_alpha else 0.0
        expert = float(candidates.quality[np.arange(len(winners)), winners].mean())
        own = float(candidates.quality[candidates.by_model].mean())
        kept = self.collected.over(alpha)
        stages = {"sft": self._sft(kept)} if kept else {}
        after_sft = copy.deepcopy(self.model)
        if kept and settings.use_dpo:
            stages |= {"dpo": self._dpo(kept)}
            self.before_dpo = after_sft
        after = self.world.sample_one(self.model, targets.views, first_seed=1000 * k + 900)
        reached = float(self.world.quality(self.model, after, "collected", targets.shapes).mean())
        accepted = np.array(ratings) >= wanted
        kinds = np.array(self.world.kinds(targets))
        return figures | {
            "alpha": wanted,
            "accepted": len(kept),
            "acceptance": float(accepted.mean()),
            # α is one for all: of what the base has never seen less passes it.
            "acceptance_by_kind": {kind: float(accepted[kinds == kind].mean()) for kind in sorted(set(kinds))},
            "model_wins": float(candidates.by_model[np.arange(len(winners)), winners].mean()),
            "own_quality": own,
            "best_quality": float(candidates.quality.max(axis=1).mean()),
            "expert_quality": expert,
            "amplification": expert - own,
            "reached_quality": reached,
            "stepwise_efficiency": (reached - own) / (expert - own) if expert > own else None,
            "choice_noise": self.oracle.choice_noise,
            "stages": stages,
            "after_sft": after_sft,
        }

    def _judge(
        self, targets: Targets, candidates: Candidates, k: int, rng: np.random.Generator
    ) -> tuple[list[float], list[int]]:
        """A tournament and a rating for every target; what comes of it is collected."""
        assert self.oracle is not None
        ratings, winners = [], []
        for index, qualities in enumerate(candidates.quality):
            standing = self.oracle.tournament(qualities.tolist(), seed=10_000 * self.seed + 1000 * k + index, rng=rng)
            assert standing.winner is not None
            rating = self.oracle.rate(float(qualities[standing.winner]), rng)
            pairs = preference_pairs(
                candidates=range(len(qualities)), comparisons=standing.comparisons, winner=standing.winner
            )
            latents = candidates.latents[index]
            self.collected.add(
                _one(targets.views, index),
                latents[standing.winner],
                rating,
                # Negatives of other generators are out of the model's distribution (paper C.3).
                [
                    (latents[winner], latents[loser])
                    for winner, loser in pairs.direct + pairs.inferred
                    if candidates.by_model[index, loser]
                    and (candidates.by_model[index, winner] or not self.settings.own_winners)
                ],
            )
            ratings.append(rating)
            winners.append(standing.winner)
        return ratings, winners

    def _recover(
        self, targets: Targets, ratings: list[float], alpha: float, k: int, rng: np.random.Generator
    ) -> dict[str, Any]:
        """Search wider for what failed: many samples, ranked by the implicit reward, the best shown to people (A.7).

        There is no reward before the first DPO, and so no search. `truly_recovered` is without the noise of ratings;
        `reachable` counts targets of which any sample at all is good enough.
        """
        failed = [index for index, rating in enumerate(ratings) if rating < alpha]
        counts = {"failed": len(failed), "searched": 0, "recovered": 0, "truly_recovered": 0, "reachable": 0}
        nothing = counts | {"reward_gain": None}
        if not self.settings.searched or not failed or self.before_dpo is None or self.oracle is None:
            return nothing
        recovered, truly, reachable = 0, 0, 0
        gains, offset = list[float](), len(self.collected.rating) - len(ratings)
        seeds = list(range(1000 * k + 500, 1000 * k + 500 + self.settings.searched))
        for first in range(0, len(failed), SEARCHED_AT_ONCE):
            some = failed[first : first + SEARCHED_AT_ONCE]
            views = _rows(targets.views, some)
            latents = self.world.sample(self.model, views, seeds)
            rewards = _rewards(self.model, self.before_dpo, views, latents, seed=self.seed)
            shapes = targets.shapes[torch.tensor(some, device=targets.shapes.device)]
            qualities = self.world.quality(self.model, latents, "collected", shapes)
            for row, index in enumerate(some):
                shown = rewards[row].topk(min(self.settings.shown, len(seeds))).indices.cpu().numpy()
                quality = qualities[row, shown]
                reachable += int(qualities[row].max() >= alpha)
                gains.append(float(quality.mean() - qualities[row].mean()))
                standing = self.oracle.tournament(quality.tolist(), seed=index, rng=rng)
                assert standing.winner is not None
                rating = self.oracle.rate(float(quality[standing.winner]), rng)
                if rating >= alpha:
                    recovered += 1
                    truly += int(quality[standing.winner] >= alpha)
                    self.collected.rating[offset + index] = rating
                    self.collected.chosen[offset + index] = latents[row, int(shown[standing.winner])]
                    # Pairs of the first round had another winner.
                    self.collected.pairs[offset + index] = []
        return nothing | {
            "searched": len(failed),
            "recovered": recovered,
            "truly_recovered": truly,
            "reachable": reachable,
            "reward_gain": float(np.mean(gains)),
        }

    def _ask_artists(self, targets: Targets, ratings: list[float]) -> dict[str, Any]:
        """The truth for the worst few."""
        count = round(self.settings.artists_share * len(ratings))
        offset = len(self.collected.rating) - len(ratings)
        for index in np.argsort(ratings)[:count]:
            self.collected.chosen[offset + index] = self.world.latents["collected"][targets.shapes[index]]
            self.collected.rating[offset + index] = 1.0
            self.collected.pairs[offset + index] = []
        return {"by_artists": count}

    def _sft(self, kept: list[int]) -> dict[str, float]:
        recipe = find_recipe("mini_sft", self.settings.sft)
        rows = recipe.batch_size - round(recipe.batch_size * recipe.library_share)
        recipe = replace(recipe, steps=math.ceil(self.settings.epochs * len(kept) / rows))
        if self.settings.use_collected:
            own = _examples([self.collected.views[i] for i in kept], [self.collected.chosen[i] for i in kept])
            parts = [Part(self.world.replay, recipe.batch_size - rows), Part(own, rows)]
        else:
            parts = [Part(self.world.replay, recipe.batch_size)]
        return self._fit(FlowStage(self.model.train(), recipe, self._fresh_seed(), parts), recipe)

    def _dpo(self, kept: list[int]) -> dict[str, float]:
        recipe = find_recipe("mini_dpo", self.settings.dpo)
        pairs = [(i, winner, loser) for i in kept for winner, loser in self.collected.pairs[i]]
        if not pairs:
            return {}
        chosen = PreferencePairs(
            _stacked([self.collected.views[i] for i, _, _ in pairs]),
            torch.stack([winner for _, winner, _ in pairs]),
            torch.stack([loser for _, _, loser in pairs]),
        )
        # As in the engine: what the base was trained on holds it, where the recipe says so.
        anchors = [Part(self.world.replay, recipe.batch_size)] if recipe.dpo.flow_matching_weight > 0 else []
        stage = DPOStage(self.model.train(), recipe, self._fresh_seed(), chosen, anchors)
        return self._fit(stage, recipe) | {"pairs": float(len(pairs))}

    def _fresh_seed(self) -> int:
        """Every stage of every turn draws other rows, noise and times."""
        self.stages += 1
        return 1000 * self.seed + self.stages

    def _fit(self, stage: Stage, recipe: Recipe) -> dict[str, float]:
        self.model.vae.requires_grad_(False)
        log = ProgressLog(None, None, total_steps=recipe.steps)
        trainer = Trainer(
            stage,
            optimiser=recipe.optimiser,
            steps=recipe.steps,
            log=log,
            precision=recipe.precision,
            cuda_graph=recipe.cuda_graph,
            flush_every_steps=recipe.flush_every_steps,
        )
        metrics = trainer.fit()
        self.model.eval()
        return metrics


@torch.no_grad()
def _rewards(
    policy: GeometryModel, reference: GeometryModel, views: ViewBatch, latents: Tensor, *, seed: int
) -> Tensor:
    """Implicit rewards (T, N) of the candidates (T, N, cells, channels) of T targets; one noise for all."""
    with autocast(latents.device, "auto" if latents.is_cuda else "fp32"):
        fields = [field_of(model, model.condition(views, layout=False)) for model in (policy, reference)]
        flat, dice = latents.flatten(0, 1), Dice(latents.device, seed)
        total = torch.zeros(len(flat), device=latents.device)
        for time in REWARD_TIMES:
            x_0 = dice.normal(*flat.shape[1:]).expand_as(flat)
            t = torch.full((len(flat),), time, device=flat.device)
            total += implicit_reward(fields[0], fields[1], x_0, flat, t)[0]
    return total.view(latents.shape[:2])


def _rows(views: ViewBatch, rows: list[int]) -> ViewBatch:
    index = torch.tensor(rows, device=views.crop.device)
    return ViewBatch(**{name: value[index] for name, value in vars(views).items()})


def _one(views: ViewBatch, index: int) -> ViewBatch:
    return ViewBatch(**{name: value[index : index + 1] for name, value in vars(views).items()})


def _stacked(views: list[ViewBatch]) -> ViewBatch:
    return ViewBatch(**{name: torch.cat([getattr(view, name) for view in views]) for name in vars(views[0])})


def _examples(views: list[ViewBatch], latents: list[Tensor]) -> Examples:
    """Shape supervision without layout."""
    count, device = len(latents), latents[0].device
    nothing, nowhere = torch.zeros(count, 3, device=device), torch.zeros(count, dtype=torch.bool, device=device)
    return Examples(
        **vars(_stacked(views)),
        occupancy_bits=torch.zeros(count, 1, dtype=torch.uint8, device=device),
        rotation_6d=torch.zeros(count, 6, device=device),
        translation=nothing,
        log_scale=nothing,
        has_rotation=nowhere,
        has_placement=nowhere,
        category=torch.full((count,), -1, device=device),
        shape_latents=torch.stack(latents),
    )
