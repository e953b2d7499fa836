"""Which prediction belongs to which ground truth, and the poses, masks and images that go with them.

Files are paired by stem: `predictions/mug.glb` with `ground_truth/mug.obj`, `masks/mug.png`, `images/mug.jpg`. Poses
are one JSON file a side:

    {"mug": {"pose": {"rotation_wxyz": [1, 0, 0, 0], "translation": [0, 0, 2], "scale": [1, 1, 1]},
             "intrinsics": {"fx": 500, "fy": 500, "cx": 320, "cy": 240, "width": 640, "height": 480}}}

in the convention of `engine.contracts.poses`: x_camera = R · (s * x_mesh) + t with the mesh as it is in its file.
Intrinsics are the ground truth's to give, and needed for 2D IoU alone.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engine.contracts.cameras import Intrinsics
from engine.contracts.poses import Pose
from engine.contracts.serialisation import from_json
from training_loop.evaluation.meshes import MESH_SUFFIXES

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
POSES_FILE = "poses.json"

Part = Literal["prediction", "ground_truth", "prediction_pose", "ground_truth_pose", "mask", "image", "registration"]


class PairingError(ValueError):
    """The folders cannot be compared at all."""


@dataclass(frozen=True)
class Skip:
    """Something that was left out: which part of which sample, and why.

    Without a prediction or a ground truth a sample is not measured; without another part it lacks some metrics.
    """

    stem: str
    part: Part
    reason: str


@dataclass(frozen=True)
class PosedObject:
    """One entry of a file of poses."""

    pose: Pose
    intrinsics: Intrinsics | None = None


@dataclass(frozen=True)
class Pair:
    """One sample: where its parts lie. Without ground truth only perceptual metrics can be had.

    `prediction` is None where the ground truth has no partner. `layout_wanted` says that the truth has a pose and that
    the predictions come with poses, whether or not this one does.
    """

    stem: str
    prediction: Path | None
    ground_truth: Path | None
    predicted_pose: Pose | None = None
    true_pose: Pose | None = None
    layout_wanted: bool = False
    camera: Intrinsics | None = None
    mask: Path | None = None
    image: Path | None = None


@dataclass(frozen=True)
class Pairing:
    """Samples in the order of their stems, and what is missing, has no partner or cannot be read."""

    pairs: tuple[Pair, ...]
    skips: tuple[Skip, ...]


def pair_folders(
    *,
    predictions: Path,
    ground_truth: Path | None,
    predicted_poses: Path | None = None,
    true_poses: Path | None = None,
    masks: Path | None = None,
    images: Path | None = None,
) -> Pairing:
    """Pair the files of the folders. Without files of poses, `poses.json` in the folders is used where it exists.

    Raises:
        PairingError: a folder is missing or has no mesh, two meshes have one stem, or a file of poses is not JSON.
    """
    ours = files_by_stem(predictions, MESH_SUFFIXES, "meshes")
    theirs = files_by_stem(ground_truth, MESH_SUFFIXES, "meshes") if ground_truth is not None else {}
    skips = []
    if ground_truth is not None:
        skips += [Skip(stem, "prediction", "no ground truth has this stem") for stem in sorted(set(ours) - set(theirs))]
        skips += [Skip(stem, "prediction", "there is no prediction") for stem in sorted(set(theirs) - set(ours))]
    stems = sorted(theirs if ground_truth is not None else ours)
    our_poses = _poses(
        predicted_poses or predictions / POSES_FILE, predicted_poses is not None, "prediction_pose", skips
    )
    their_poses: Mapping[str, PosedObject] = {}
    if ground_truth is not None:
        their_poses = _poses(
            true_poses or ground_truth / POSES_FILE, true_poses is not None, "ground_truth_pose", skips
        )
    mask_files = files_by_stem(masks, IMAGE_SUFFIXES, "masks") if masks is not None else {}
    image_files = files_by_stem(images, IMAGE_SUFFIXES, "images") if images is not None else {}
    posed = bool(our_poses) or any(skip.part == "prediction_pose" for skip in skips)
    predicted = [stem for stem in stems if stem in ours]
    unposed = _unposed(predicted, our_poses, their_poses)
    without = [
        Skip(stem, "mask", "no mask has this stem")
        for stem in predicted
        if masks is not None and stem not in mask_files
    ]
    without += [
        Skip(stem, "image", "no image has this stem")
        for stem in predicted
        if images is not None and stem not in image_files
    ]
    known = {(skip.stem, skip.part) for skip in skips}
    skips += [skip for skip in [*unposed, *without] if (skip.stem, skip.part) not in known]
    pairs = tuple(
        Pair(
            stem=stem,
            prediction=ours.get(stem),
            ground_truth=theirs.get(stem),
            predicted_pose=our_poses[stem].pose if stem in our_poses else None,
            true_pose=their_poses[stem].pose if stem in their_poses else None,
            layout_wanted=posed and stem in their_poses,
            camera=their_poses[stem].intrinsics if stem in their_poses else None,
            mask=mask_files.get(stem),
            image=image_files.get(stem),
        )
        for stem in stems
    )
    return Pairing(pairs, tuple(skips))


def files_by_stem(folder: Path, suffixes: Iterable[str], what: str) -> dict[str, Path]:
    """The files of a folder with these suffixes.

    Raises:
        PairingError: no such folder, no such file in it, or two of one stem.
    """
    if not folder.is_dir():
        raise PairingError(f"{folder} is not a folder")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in suffixes or not path.is_file():
            continue
        if path.stem in found:
            raise PairingError(f"{folder} has both {found[path.stem].name} and {path.name}; keep one of a stem")
        found[path.stem] = path
    if not found:
        raise PairingError(f"{folder} has no {what} ({', '.join(suffixes)})")
    return found


def _unposed(stems: list[str], ours: Mapping[str, PosedObject], theirs: Mapping[str, PosedObject]) -> list[Skip]:
    """Samples with a pose on one side alone; where neither side has any, nobody asked for layouts."""
    if not ours and not theirs:
        return []
    parts: list[tuple[Part, Mapping[str, PosedObject]]] = [("prediction_pose", ours), ("ground_truth_pose", theirs)]
    return [
        Skip(stem, part, "there is no pose for this stem")
        for stem in stems
        for part, poses in parts
        if stem not in poses
    ]


def _poses(path: Path, required: bool, part: Part, skips: list[Skip]) -> dict[str, PosedObject]:
    """Read a file of poses; bad entries are skipped with their reason."""
    if not required and not path.exists():
        return {}
    try:
        entries: Any = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise PairingError(f"the poses in {path} cannot be read: {error}") from error
    if not isinstance(entries, dict):
        raise PairingError(f"the poses in {path} must be one JSON object from stem to pose")
    poses = {}
    for stem, entry in entries.items():
        try:
            poses[stem] = from_json(PosedObject, entry)
        except ValueError as error:
            skips.append(Skip(stem, part, str(error)))
    return poses
