"""Weights in the layout of the SAM 3D release, and public DINOv2 weights, to checkpoints of ours and back.

Strict in both directions: every key is mapped or named in an error, and every shape is compared. Nothing is executed
while reading: safetensors, or pickles of tensors alone (`weights_only`).
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import is_zipfile

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from training_loop.checkpoints import CheckpointError, check_keys
from training_loop.models.config import ModelConfig, full
from training_loop.models.dinov2 import DinoV2
from training_loop.models.generator import GeometryModel

Weights = dict[str, Tensor]

GENERATOR, DECODER, ENCODER = "ss_generator", "ss_decoder", "ss_encoder"

# Beginning of our key → file and beginning of the released key. The first that fits counts.
PREFIXES = (
    ("flow.", GENERATOR, "_base_models.generator.reverse_fn.backbone."),
    ("conditioner.rgb.", GENERATOR, "_base_models.condition_embedder.module_list.0.backbone."),
    ("conditioner.mask.", GENERATOR, "_base_models.condition_embedder.module_list.1.backbone."),
    ("conditioner.points.", GENERATOR, "_base_models.condition_embedder.module_list.2."),
    ("conditioner.", GENERATOR, "_base_models.condition_embedder."),
    ("vae.decoder.", DECODER, ""),
    ("vae.encoder.", ENCODER, ""),
)
# Our name of a modality or stream inside of a flow's key → the released one, which calls the layout stream by its first
# modality.
SEGMENTS = {"layout": "6drotation_normalized", "rotation": "6drotation_normalized"}


class ConversionError(ValueError):
    """Weights that cannot be converted, and why."""


def released_name(name: str) -> tuple[str, str]:
    """Our key → (file without suffix, released key).

    Raises:
        ConversionError: the release has no place for it.
    """
    for ours, file, theirs in PREFIXES:
        if name.startswith(ours):
            rest = name.removeprefix(ours)
            if ours == "flow.":
                rest = ".".join(SEGMENTS.get(segment, segment) for segment in rest.split("."))
            return file, theirs + rest
    raise ConversionError(f"{name} has no place in the released layout")


def from_released(files: Mapping[str, Path], config: ModelConfig | None = None) -> GeometryModel:
    """Build a model from released files.

    Args:
        files: `ss_generator` and `ss_decoder`, and `ss_encoder` where there is one: without it the VAE only decodes.
        config: sizes; the released ones if None.

    Raises:
        ConversionError: a file is missing or cannot be read; keys are missing, unknown or of another shape.
    """
    for name in (GENERATOR, DECODER):
        if name not in files:
            raise ConversionError(f"the released layout needs the file {name}")
    config = full() if config is None else config
    config = replace(config, vae=replace(config.vae, encoder=ENCODER in files))
    with torch.device("meta"):
        model = GeometryModel(config)
    state: Weights = {}
    for file, path in files.items():
        names = {
            theirs: ours for ours in model.state_dict() for place, theirs in [released_name(ours)] if place == file
        }
        found = read_weights(path)
        _check(path, {theirs: tuple(model.state_dict()[ours].shape) for theirs, ours in names.items()}, found)
        state |= {ours: found[theirs].float() for theirs, ours in names.items()}
    model.load_state_dict(state, assign=True)
    model.latent_space = model.vae.fingerprint()
    return model.eval()


def to_released(model: GeometryModel) -> dict[str, Weights]:
    """File without suffix → released key → tensor.

    Raises:
        ConversionError: the model has what the release cannot express (each is named).
    """
    config, released = model.config, full()
    reasons = []
    if config.conditioning.encoder != "dinov2":
        reasons.append("its conditioning encoder is not DINOv2")
    if not config.released_frames:
        reasons.append("it speaks other frames than the released model")
    if config.flow.prior_rank or config.flow.latent_patch != 1:
        reasons.append("its flow has a Gaussian head start or patches of latents")
    if config.vae.linear_path or config.vae.voxel_patch != 1:
        reasons.append("its VAE has a linear path or patches of voxels")
    if config.vae.latent_mean or config.vae.latent_std or config.vae.surface_logit or config.vae.input_shift:
        reasons.append("its VAE normalises latents, occupancy or logits, which the released code does not")
    if (config.layout_mean, config.layout_std) != (released.layout_mean, released.layout_std):
        reasons.append("its rotation statistics are not those that the released code is fixed to")
    if reasons:
        raise ConversionError(f"the preset {config.preset} has no released form: {'; '.join(reasons)}")
    files: dict[str, Weights] = {}
    for ours, value in model.state_dict().items():
        file, theirs = released_name(ours)
        files.setdefault(file, {})[theirs] = value.detach().to("cpu").contiguous()
    return files


def write_released(model: GeometryModel, folder: Path, *, pickled: bool = False) -> list[Path]:
    """Write `to_released` as safetensors, or as the `.ckpt` pickles (tensors alone) that the release's configs name.

    Raises:
        ConversionError: see `to_released`.
    """
    files = to_released(model)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, weights in files.items():
        path = folder / f"{name}.{'ckpt' if pickled else 'safetensors'}"
        partial = path.with_name(f".{path.name}.partial")
        try:
            if pickled:
                torch.save({"state_dict": weights} if name == GENERATOR else weights, partial)
            else:
                save_file(weights, partial)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        written.append(path)
    return written


def load_dinov2(model: GeometryModel, path: Path) -> None:
    """Put public DINOv2 weights (ViT-L/14 with registers for `full`) into both backbones of a model's encoder.

    Raises:
        ConversionError: the model has no such backbone; the file cannot be read; keys or shapes do not fit.
    """
    backbones = [module for module in model.conditioner.modules() if isinstance(module, DinoV2)]
    if not backbones:
        raise ConversionError(f"the preset {model.config.preset} has no DINOv2 backbone")
    found = read_weights(path)
    for backbone in backbones:
        _check(path, {name: tuple(value.shape) for name, value in backbone.state_dict().items()}, found)
        backbone.load_state_dict(found)


def read_weights(path: Path) -> Weights:
    """Tensors by name from a safetensors file or a pickle of tensors, mapped into memory where its format allows.

    Raises:
        ConversionError: no such file, not readable, or more than tensors inside.
    """
    if not path.is_file():
        raise ConversionError(f"{path} is no file")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zipfile(path))
    except UnpicklingError as error:
        raise ConversionError(
            f"{path.name} holds more than tensors, and reading it could run code; save its state_dict alone"
        ) from error
    except (SafetensorError, RuntimeError, OSError, EOFError) as error:
        raise ConversionError(f"{path.name} is not a readable file of weights: {error}") from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ConversionError(f"{path.name} is no dictionary of tensors")
    return content


def _check(path: Path, expected: dict[str, tuple[int, ...]], found: Weights) -> None:
    try:
        check_keys(path.name, expected, {name: tuple(value.shape) for name, value in found.items()})
    except CheckpointError as error:
        raise ConversionError(str(error)) from error
