"""What an iteration is to do: the settings it is started with, checked and complete."""

from dataclasses import dataclass, field
from typing import Any

from engine.contracts.serialisation import ContractError, from_json, to_json
from engine.datasets.options import FreezeOptions
from engine.errors import Unprocessable
from engine.lifecycle import MOVES, Move, State


class UnusableSettings(Unprocessable):
    """The settings of an iteration cannot be understood; nothing was started."""

    code = "unusable_settings"


@dataclass(frozen=True)
class TrainingPlan:
    """A recipe of the training loop, with changed fields by path."""

    recipe: str
    overrides: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EvaluationPlan:
    """Base and new checkpoint see the same held-out shapes and the same real targets.

    The silhouettes of real targets are told apart from held-out metrics by their name: without a `held_out_share`
    these targets may have been trained on, so a gate should not rest on them.
    """

    heldout_count: int = 16
    seed: int = 7
    real_targets: int = 8


@dataclass(frozen=True)
class GateRule:
    """The new checkpoint may be worse than the base by `tolerance` in `metric`, not more."""

    metric: str
    tolerance: float = 0.0
    better: str = "higher"


@dataclass(frozen=True)
class Plan:
    """Settings of one iteration.

    Attributes:
        suite: generator → candidates in the first round; their sum is the paper's N.
        widening, max_rounds: factor on N in each further round, rounds before triage.
        texture_suite: generator → textures for each shape that was chosen and posed; empty: none are collected.
        generator_parameters: generator → what it is told with every request, such as {"sam3d": {"steps": 4, "shortcut":
            true}}; what a generator reads is said in its class.
        target_limit: at most so many targets are asked for; None takes all.
        revisit: targets at rest in these states are asked again with the new checkpoint.
        take_new_targets: also ask for targets that become ready while collecting.
        wait_for_artists: collecting ends only when triage and artists are done.
        inferred_pairs: DPO also learns from pairs that never met (Algorithm 1 pairs D+ with every rejected candidate).
        dpo_loser_generators: negatives of other generators are not exported (paper C.3).
        held_out_share: of the photographs, which no snapshot exports; with it real targets are of these alone.
        gate: rules that the new checkpoint must meet to be promoted.
        forgetting_tolerance: how far the iteration's trainings may lower the solid IoU of held-out data from before it,
            as they measured it (`regression.count` of their recipes); None does not ask.
        replay_snapshots: so many of the latest earlier snapshots go to the trainings as well, to be replayed as their
            recipes say (`replay_share`) and to measure what is forgotten of them.

    Source: paper 3.2, A.6 Algorithm 1.
    """

    suite: dict[str, int] = field(
        default_factory=lambda: {"retrieval": 2, "text_to_3d": 2, "image_to_3d": 2, "sam3d": 2}
    )
    widening: int = 2
    max_rounds: int = 2
    texture_suite: dict[str, int] = field(default_factory=dict)
    generator_parameters: dict[str, dict[str, Any]] = field(default_factory=dict)
    target_limit: int | None = None
    revisit: tuple[str, ...] = (State.SHELVED.value, State.DONE.value, State.DONE_UNPOSED.value)
    take_new_targets: bool = True
    wait_for_artists: bool = False
    seed: int = 0
    pretrain: TrainingPlan = field(default_factory=lambda: TrainingPlan("mini_pretrain"))
    sft: TrainingPlan = field(default_factory=lambda: TrainingPlan("mini_sft"))
    dpo: TrainingPlan = field(default_factory=lambda: TrainingPlan("mini_dpo"))
    inferred_pairs: bool = True
    dpo_loser_generators: tuple[str, ...] = ("sam3d",)
    held_out_share: float = 0.0
    evaluation: EvaluationPlan = field(default_factory=EvaluationPlan)
    gate: tuple[GateRule, ...] = (GateRule(metric="voxel_iou", tolerance=0.02),)
    forgetting_tolerance: float | None = 0.05
    replay_snapshots: int = 0

    def freeze_options(self) -> FreezeOptions:
        """What the iteration's snapshot leaves out."""
        return FreezeOptions(dpo_loser_generators=self.dpo_loser_generators, held_out_share=self.held_out_share)


def plan_from(settings: dict[str, Any]) -> Plan:
    """Read settings; what is not given keeps its default.

    Raises:
        UnusableSettings: an unknown field, a wrong type or a value that makes no sense.
    """
    try:
        plan = from_json(Plan, settings)
    except ContractError as error:
        raise UnusableSettings(
            f"The settings cannot be used: {error}.", what_to_do="See the section on settings in docs/data_format.md."
        ) from error
    unasked = sorted(set(plan.generator_parameters) - set(plan.suite) - set(plan.texture_suite))
    problems = [
        *(["the gate has no rule"] if not plan.gate else []),
        *(f"generator_parameters names {name}, which neither suite asks" for name in unasked),
        *(f"better is higher or lower, not {rule.better}" for rule in plan.gate if rule.better not in _BETTER),
        *(f"{state} targets cannot be revisited" for state in plan.revisit if state not in _REVISITABLE),
        *(["forgetting_tolerance must not be negative"] if (plan.forgetting_tolerance or 0.0) < 0 else []),
        *(["replay_snapshots must not be negative"] if plan.replay_snapshots < 0 else []),
        *(["held_out_share must lie in [0, 1)"] if not 0.0 <= plan.held_out_share < 1.0 else []),
        *(["heldout_count must be positive"] if plan.evaluation.heldout_count < 1 else []),
        *(["target_limit must be positive"] if plan.target_limit is not None and plan.target_limit < 1 else []),
        *(["max_rounds and widening must be positive"] if min(plan.max_rounds, plan.widening) < 1 else []),
    ]
    if problems:
        raise UnusableSettings(f"The settings cannot be used: {'; '.join(problems)}.", problems=problems)
    return plan


def complete_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with every default written out: what an iteration keeps.

    Raises:
        UnusableSettings: as `plan_from`.
    """
    return dict(to_json(plan_from(settings)))


_BETTER = frozenset({"higher", "lower"})
_REVISITABLE = frozenset(state.value for state in MOVES[Move.REVISIT][0])
