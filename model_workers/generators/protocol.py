"""What a generator is. A third party's package adds one by an entry point of the group `lathe.generators`:

    [project.entry-points."lathe.generators"]
    my_generator = "my_package.module:MyGenerator"

The entry point's name is the name that a suite uses; calling the object without arguments gives the generator. It runs
in a process of its own, is made once there and may keep models and indices in memory between requests.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import trimesh
from numpy.typing import NDArray

from engine.contracts.cameras import Intrinsics
from engine.contracts.poses import Pose
from engine.contracts.targets import PointMapScale


class GeneratorError(RuntimeError):
    """A generator cannot serve this request; the message says why and what to do."""


@dataclass(frozen=True)
class GenerationContext:
    """One request, with everything fetched and decoded.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        mask: (H, W) bool.
        point_map: (H, W, 3) float32 in the camera frame (OpenCV), NaN where unknown; None where there is none.
        seeds: one proposal is wanted for each.
        checkpoint: safetensors file of the current model, where the request names one.
        cache: folder that the generator may fill with files of its own; it is kept between requests.
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    seeds: tuple[int, ...]
    cache: Path
    category: str | None = None
    description: str = ""
    point_map: NDArray[np.float32] | None = None
    point_map_scale: PointMapScale | None = None
    intrinsics: Intrinsics | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    checkpoint: Path | None = None


@dataclass(frozen=True)
class PosedShape:
    """The shape that a texture is wanted for. `mesh` and `glb` are the same surface, in the object frame.

    Attributes:
        mesh: merged and without colours.
        pose: camera_from_object as a person gave it, in the camera of `intrinsics`.
    """

    mesh: trimesh.Trimesh
    glb: bytes
    pose: Pose
    intrinsics: Intrinsics


@dataclass(frozen=True)
class Proposal:
    """One proposed shape. `mesh` is Y up in any size, as a trimesh object or as the bytes of a foreign GLB.

    `splat` is the same object as a Gaussian splat (the bytes of a PLY), already in the frame of the fitted mesh: Y up,
    in [-0.5, 0.5]³. `layout` and `latent` (tokens, channels) only from generators that predict them; `latent_space`
    names the VAE that decodes the latent (`ShapeVAE.fingerprint`). `parameters` are JSON values that say how the shape
    was made.
    """

    seed: int
    mesh: trimesh.Trimesh | bytes
    splat: bytes | None = None
    layout: Pose | None = None
    latent: NDArray[np.floating[Any]] | None = None
    latent_space: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)


class Generator(Protocol):
    """Proposes shapes. `uses_checkpoint` is true where they are sampled from `context.checkpoint`."""

    uses_checkpoint: bool

    def generate(self, context: GenerationContext) -> Iterator[Proposal]:
        """Yield a proposal for each seed as soon as it is there: what was yielded survives a later failure.

        Raises:
            GeneratorError: the request cannot be served.
        """


@runtime_checkable
class TextureGenerator(Protocol):
    """A generator that can also texture a given shape: what a texture suite names."""

    def texture(self, context: GenerationContext, shape: PosedShape) -> Iterator[Proposal]:
        """Yield the same surface in another texture for each seed; a changed surface is refused.

        Raises:
            GeneratorError: the request cannot be served.
        """
