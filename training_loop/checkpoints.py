"""Checkpoints: one safetensors file with the weights and the JSON configuration that rebuilds the model.

Loading is strict: every key and shape must match, and the VAE must be the one that the flow was trained with, which the
file knows by its fingerprint. Writing is atomic. Optimizer state is a file of its own.
"""

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from engine.contracts.serialisation import ContractError, from_json, to_json
from training_loop.models.config import ConfigError, ModelConfig
from training_loop.models.generator import GeometryModel
from training_loop.models.shape_vae import ShapeVAE

FORMAT = "lathe-geometry-1"


class CheckpointError(ValueError):
    """A file that is no checkpoint of ours, or does not fit its own configuration."""


@dataclass(frozen=True)
class CheckpointInfo:
    """What a checkpoint says about itself: how it came to be."""

    stage: str = ""
    recipe: dict[str, Any] = field(default_factory=dict)
    steps: int = 0
    metrics: dict[str, float] = field(default_factory=dict)


def save_model(path: Path, model: GeometryModel, info: CheckpointInfo, *, dtype: torch.dtype = torch.float32) -> None:
    """Write weights (as `dtype`), configuration and origin to `path`, whole or not at all.

    float32 is the default because bf16 would round the small updates of DPO away; bf16 halves a model for release.
    Buffers stay as they are.

    Raises:
        CheckpointError: the VAE is not the one that the flow was loaded with.
    """
    latent_space = model.vae.fingerprint()
    if model.latent_space not in (None, latent_space):
        raise CheckpointError(
            f"the VAE has changed (latent space {model.latent_space} → {latent_space}) since the flow was trained "
            "in its latents; train the flow anew, or keep the VAE frozen"
        )
    weights = {name for name, _ in model.named_parameters()}
    tensors = {
        name: value.detach().to("cpu", dtype if name in weights else value.dtype).contiguous()
        for name, value in model.state_dict().items()
    }
    metadata = {
        "format": FORMAT,
        "config": json.dumps(to_json(model.config)),
        "info": json.dumps(to_json(info)),
        "latent_space": latent_space,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        save_file(tensors, partial, metadata=metadata)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@dataclass(frozen=True)
class CheckpointHeader:
    """What a file tells without its weights; `latent_space` is the fingerprint of the VAE that its flow belongs to."""

    config: ModelConfig
    info: CheckpointInfo
    latent_space: str
    shapes: dict[str, tuple[int, ...]]


def read_header(path: Path) -> CheckpointHeader:
    """Configuration, origin and the shape of every tensor, without reading the weights.

    Raises:
        CheckpointError: the file cannot be read, or is no checkpoint of this format.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path.name} is not a readable safetensors file: {error}") from error
    if metadata.get("format") != FORMAT:
        raise CheckpointError(
            f"{path.name} carries format {metadata.get('format')!r}, expected {FORMAT!r}: it was not written by this "
            "training loop. Released weights become a checkpoint by `python -m training_loop convert`"
        )
    try:
        return CheckpointHeader(
            config=from_json(ModelConfig, json.loads(metadata["config"])),
            info=from_json(CheckpointInfo, json.loads(metadata["info"])),
            latent_space=metadata["latent_space"],
            shapes=shapes,
        )
    except (KeyError, json.JSONDecodeError, ContractError, ConfigError) as error:
        raise CheckpointError(f"{path.name} has a configuration that this version cannot read: {error}") from error


def load_model(path: Path, *, device: str | torch.device = "cpu") -> GeometryModel:
    """Rebuild the model from the file alone, in float32 and evaluation mode.

    Raises:
        CheckpointError: see `read_header`; keys are missing, unknown or of another shape (each is named); or the VAE
            is not the one that the flow was trained with.
    """
    header = read_header(path)
    with torch.device("meta"):
        model = GeometryModel(header.config)
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    check_keys(path.name, expected, header.shapes)
    with safe_open(path, framework="pt", device=str(device)) as file:
        state = {name: file.get_tensor(name).float() for name in expected}
    model.load_state_dict(state, assign=True)
    if (found := model.vae.fingerprint()) != header.latent_space:
        raise CheckpointError(
            f"{path.name}: its flow was trained in the latent space {header.latent_space}, but its VAE is of {found}; "
            "the two come from different models, and what they decode would be noise"
        )
    model.latent_space = header.latent_space
    return model.eval()


def load_vae(path: Path) -> ShapeVAE:
    """The VAE of a checkpoint alone, for `GeometryModel.adopt_vae` or for encoding.

    Raises:
        CheckpointError: see `read_header`.
    """
    header = read_header(path)
    vae = ShapeVAE(header.config.vae)
    expected = {f"vae.{name}": tuple(value.shape) for name, value in vae.state_dict().items()}
    check_keys(path.name, expected, {key: shape for key, shape in header.shapes.items() if key.startswith("vae.")})
    with safe_open(path, framework="pt") as file:
        vae.load_state_dict({name.removeprefix("vae."): file.get_tensor(name).float() for name in expected})
    return vae.eval()


def check_keys(name: str, expected: dict[str, tuple[int, ...]], found: dict[str, tuple[int, ...]]) -> None:
    """Compare names and shapes.

    Raises:
        CheckpointError: naming every mismatch; keys that differ in their numbers alone are named together.
    """
    problems = []
    for title, keys in (
        ("missing", set(expected) - set(found)),
        ("unknown", set(found) - set(expected)),
    ):
        if keys:
            problems.append(f"{len(keys)} {title}: {', '.join(_together(dict.fromkeys(keys, '')))}")
    mis_shaped = {
        key: f" is {found[key]}, not {expected[key]}"
        for key in set(expected) & set(found)
        if expected[key] != found[key]
    }
    if mis_shaped:
        problems.append(f"{len(mis_shaped)} mis-shaped: {', '.join(_together(mis_shaped))}")
    if problems:
        raise CheckpointError(f"{name} does not fit its configuration: " + "; ".join(problems))


def _together(remarks: dict[str, str]) -> list[str]:
    """Key → remark, as text; several keys of one pattern and remark become one line with a count."""
    groups: dict[tuple[str, str], list[str]] = {}
    for key in sorted(remarks):
        groups.setdefault((re.sub(r"\d+", "*", key), remarks[key]), []).append(key)
    return [
        f"{keys[0] if len(keys) == 1 else f'{pattern} ({len(keys)} keys)'}{remark}"
        for (pattern, remark), keys in groups.items()
    ]
