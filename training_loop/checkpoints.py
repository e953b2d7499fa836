"""Checkpoints: one safetensors file with the weights and the JSON configuration that rebuilds the model.

Loading is strict: every key and shape must match. Writing is atomic. Optimizer state is a file of its own.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from engine.contracts.serialisation import ContractError, from_json, to_json
from training_loop.models.config import ConfigError, ModelConfig
from training_loop.models.generator import GeometryModel

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
    """
    weights = {name for name, _ in model.named_parameters()}
    tensors = {
        name: value.detach().to("cpu", dtype if name in weights else value.dtype).contiguous()
        for name, value in model.state_dict().items()
    }
    metadata = {
        "format": FORMAT,
        "config": json.dumps(to_json(model.config)),
        "info": json.dumps(to_json(info)),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        save_file(tensors, partial, metadata=metadata)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def read_header(path: Path) -> tuple[ModelConfig, CheckpointInfo, dict[str, tuple[int, ...]]]:
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
            f"{path.name} carries format {metadata.get('format')!r}, expected {FORMAT!r}: "
            "it was not written by this training loop"
        )
    try:
        config = from_json(ModelConfig, json.loads(metadata["config"]))
        info = from_json(CheckpointInfo, json.loads(metadata["info"]))
    except (KeyError, json.JSONDecodeError, ContractError, ConfigError) as error:
        raise CheckpointError(f"{path.name} has a configuration that this version cannot read: {error}") from error
    return config, info, shapes


def load_model(path: Path, *, device: str | torch.device = "cpu") -> GeometryModel:
    """Rebuild the model from the file alone, in float32 and evaluation mode.

    Raises:
        CheckpointError: see `read_header`; or keys are missing, unknown or of another shape (each is named).
    """
    config, _, shapes = read_header(path)
    model = GeometryModel(config)
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    check_keys(path.name, expected, shapes)
    with safe_open(path, framework="pt") as file:
        state = {name: file.get_tensor(name).float() for name in expected}
    model.load_state_dict(state)
    return model.to(device).eval()


def check_keys(name: str, expected: dict[str, tuple[int, ...]], found: dict[str, tuple[int, ...]]) -> None:
    """Compare names and shapes.

    Raises:
        CheckpointError: naming up to five of each kind of mismatch.
    """
    problems = []
    for title, keys in (
        ("missing", sorted(set(expected) - set(found))),
        ("unknown", sorted(set(found) - set(expected))),
    ):
        if keys:
            problems.append(f"{len(keys)} {title}: {', '.join(keys[:5])}{' …' if len(keys) > 5 else ''}")
    mis_shaped = [key for key in sorted(set(expected) & set(found)) if expected[key] != found[key]]
    if mis_shaped:
        listed = ", ".join(f"{key} is {found[key]}, not {expected[key]}" for key in mis_shaped[:5])
        problems.append(f"{len(mis_shaped)} mis-shaped: {listed}{' …' if len(mis_shaped) > 5 else ''}")
    if problems:
        raise CheckpointError(f"{name} does not fit its configuration: " + "; ".join(problems))
