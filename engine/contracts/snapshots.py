"""Layout of a snapshot's WebDataset shards, shared by the exporter and the trainers.

One sample per judged target, all under one key:

    <key>.image.<jpg|png|webp>               the photograph I, original bytes
    <key>.mask.png                           M, 8 bit grey, 0 or 255
    <key>.pointmap.npz                       P, `points_camera` (H, W, 3) float32          (optional)
    <key>.candidate_<ii>.glb                 every candidate that a pair or D+ refers to
    <key>.candidate_<ii>.latent.safetensors  sam3d's x₁: tensor `shape` (tokens, channels) (optional)
    <key>.texture_<ii>.glb                   the chosen shape in every texture that a pair or T refers to (optional)
    <key>.meta.json                          a SnapshotExample
"""

from dataclasses import dataclass
from enum import StrEnum

from engine.contracts.cameras import Intrinsics
from engine.contracts.poses import Pose


class ExampleSource(StrEnum):
    """Who made the shape: model in the loop, or a 3D artist (paper Art-3DO)."""

    MITL = "mitl"
    ART = "art"


@dataclass(frozen=True)
class SnapshotCandidate:
    """Provenance of candidate `index` of a sample."""

    index: int
    candidate_id: str
    generator: str
    model_version_id: str | None
    seed: int


@dataclass(frozen=True)
class PreferencePair:
    """`winner` is preferred over `loser` (candidate indices of the sample)."""

    winner: int
    loser: int


@dataclass(frozen=True)
class SnapshotTexture:
    """What was chosen among textures of an example's shape: T is `candidates[chosen]`, its file texture_<ii>.glb."""

    rating: float
    rubric_version: str
    chosen: int
    candidates: tuple[SnapshotCandidate, ...]
    direct_pairs: tuple[PreferencePair, ...] = ()
    inferred_pairs: tuple[PreferencePair, ...] = ()


@dataclass(frozen=True)
class SnapshotExample:
    """One judged target: D+ is `candidates[chosen]` with `pose`, r is `rating`, D- are the losers of the pairs.

    `texture` is set where a texture of that shape was chosen, good enough for the bar.
    """

    example_id: str
    target_id: str
    source: ExampleSource
    iteration: int
    category: str | None
    rating: float
    rubric_version: str
    chosen: int
    candidates: tuple[SnapshotCandidate, ...]
    direct_pairs: tuple[PreferencePair, ...] = ()
    inferred_pairs: tuple[PreferencePair, ...] = ()
    pose: Pose | None = None
    intrinsics: Intrinsics | None = None
    point_map_scale: str | None = None
    texture: SnapshotTexture | None = None
