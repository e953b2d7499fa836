"""Which objects to work on next: simple geometry first, deformable last, and the long tail more and more (paper A.1).

Pure arithmetic on counts per leaf. Three shares of a leaf:

- current: of the objects done so far;
- target: what the share should be at this point of the way. The share of each tier moves in a straight line from its
  start to its end with progress; inside a tier the leaves share by availability ** (1 - flatness), so that a growing
  flatness lifts the rare ones;
- planned: of the next `horizon` work items, chosen one after the other where the gap to the target is widest.
"""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.contracts.taxonomy import Category, Complexity

UNFILED = ""  # objects that no leaf fits
FIRST_BAND, LAST_PLANNED_BAND, UNPLANNED_BAND = 1, 7, 8
TIERS = (Complexity.SIMPLE, Complexity.STRUCTURED, Complexity.DEFORMABLE)
TIER_NAMES = (*(tier.value for tier in TIERS), "unfiled")


@dataclass(frozen=True)
class Course:
    """Where the way begins and ends. Shares of simple and structured; deformable gets the rest."""

    goal_objects: int
    simple: tuple[float, float]
    structured: tuple[float, float]
    flatness: tuple[float, float]
    unfiled_share: float
    horizon: int

    def at(self, progress: float) -> tuple[dict[Complexity, float], float]:
        """Share of each tier and the flatness, at `progress` from 0 to 1."""

        def between(ends: tuple[float, float]) -> float:
            return ends[0] + (ends[1] - ends[0]) * min(1.0, max(0.0, progress))

        simple, structured = between(self.simple), between(self.structured)
        shares = {
            Complexity.SIMPLE: simple,
            Complexity.STRUCTURED: structured,
            Complexity.DEFORMABLE: max(0.0, 1.0 - simple - structured),
        }
        return shares, between(self.flatness)


@dataclass
class Leaf:
    """A leaf with its counts and shares. `slots`: places among the next work items that it was given, in order."""

    id: str
    complexity: Complexity | None
    done: int
    waiting: int
    target_share: float = 0.0
    slots: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """The order of the next work items, by leaf."""

    progress: float
    done: int
    waiting: int
    leaves: dict[str, Leaf]
    planned: int

    def share(self, leaf: Leaf) -> float:
        """Of the objects done."""
        return leaf.done / self.done if self.done else 0.0

    def planned_share(self, leaf: Leaf) -> float:
        """Of the work items planned."""
        return len(leaf.slots) / self.planned if self.planned else 0.0

    def bands(self, leaf_id: str) -> list[int]:
        """Priority bands for the leaf's waiting items, best first; further ones are unplanned."""
        return [band_of(slot, self.planned) for slot in self.leaves[leaf_id].slots]


def band_of(slot: int, planned: int) -> int:
    """The band of a place among `planned` ones: equal parts of the order, from the first band to the last planned."""
    return FIRST_BAND + (LAST_PLANNED_BAND - FIRST_BAND + 1) * slot // max(planned, 1)


def plan(
    *, categories: tuple[Category, ...], done: Mapping[str, int], waiting: Mapping[str, int], course: Course
) -> Plan:
    """Plan the next `course.horizon` work items from objects done and waiting, by leaf id (`UNFILED` for none)."""
    leaves = {
        category.id: Leaf(category.id, category.complexity, done.get(category.id, 0), waiting.get(category.id, 0))
        for category in categories
    }
    known = set(leaves)
    leaves[UNFILED] = Leaf(
        UNFILED,
        None,
        sum(count for name, count in done.items() if name not in known),
        sum(count for name, count in waiting.items() if name not in known),
    )
    done_objects = sum(leaf.done for leaf in leaves.values())
    progress = min(1.0, done_objects / course.goal_objects)
    _set_targets(leaves, course=course, progress=progress)
    planned = _fill_slots(leaves, horizon=course.horizon)
    waiting_objects = sum(leaf.waiting for leaf in leaves.values())
    return Plan(progress, done_objects, waiting_objects, leaves, planned)


def _set_targets(leaves: dict[str, Leaf], *, course: Course, progress: float) -> None:
    tier_shares, flatness = course.at(progress)
    unfiled = leaves[UNFILED]
    unfiled.target_share = course.unfiled_share if unfiled.done + unfiled.waiting else 0.0
    rest = 1.0 - unfiled.target_share
    for tier, tier_share in tier_shares.items():
        members = [leaf for leaf in leaves.values() if leaf.complexity == tier]
        # One more than was seen: a leaf that nobody has met is wanted too.
        weights = [(leaf.done + leaf.waiting + 1) ** (1.0 - flatness) for leaf in members]
        total = sum(weights)
        for leaf, weight in zip(members, weights, strict=True):
            leaf.target_share = rest * tier_share * weight / total


def _fill_slots(leaves: dict[str, Leaf], *, horizon: int) -> int:
    """Give each of the next places to the tier that is furthest behind its target, and there to such a leaf.

    The (n + ½)-th object of something with share s is due when there are (n + ½) / s objects in all; places go by the
    earliest due (Webster's method, of tiers first, so that many small leaves do not crowd out a tier).
    """
    tiers = [_Queue([leaf for leaf in leaves.values() if leaf.complexity == tier]) for tier in (*TIERS, None)]
    slot = 0
    while slot < horizon:
        tier = min((tier for tier in tiers if tier.due), key=lambda tier: tier.due_at, default=None)
        if tier is None:
            break
        tier.take(slot)
        slot += 1
    return slot


class _Queue:
    """The waiting leaves of one tier, by when their next object is due."""

    def __init__(self, members: list[Leaf]) -> None:
        self._share = sum(leaf.target_share for leaf in members)
        self._count = sum(leaf.done for leaf in members)
        self._leaves = {leaf.id: leaf for leaf in members}
        self.due = [(_due_at(leaf), leaf.id) for leaf in members if leaf.waiting and leaf.target_share]
        heapq.heapify(self.due)

    @property
    def due_at(self) -> float:
        """Number of objects in all at which the tier's next one is due."""
        return (self._count + 0.5) / self._share

    def take(self, slot: int) -> None:
        """Give the slot to the leaf that is due first."""
        leaf = self._leaves[heapq.heappop(self.due)[1]]
        leaf.slots.append(slot)
        self._count += 1
        if len(leaf.slots) < leaf.waiting:
            heapq.heappush(self.due, (_due_at(leaf), leaf.id))


def _due_at(leaf: Leaf) -> float:
    return (leaf.done + len(leaf.slots) + 0.5) / leaf.target_share


def tier_counts(plan: Plan) -> dict[str, dict[str, float]]:
    """The shares of each tier, and of what is unfiled."""
    rows: dict[str, dict[str, float]] = {}
    for name, tier in zip(TIER_NAMES, (*TIERS, None), strict=True):
        members = [leaf for leaf in plan.leaves.values() if leaf.complexity == tier]
        planned = sum(len(leaf.slots) for leaf in members)
        rows[name] = {
            "done": sum(leaf.done for leaf in members),
            "waiting": sum(leaf.waiting for leaf in members),
            "target_share": sum(leaf.target_share for leaf in members),
            "current_share": sum(plan.share(leaf) for leaf in members),
            "planned_share": planned / plan.planned if plan.planned else 0.0,
        }
    return rows
