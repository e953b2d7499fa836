"""The geometry model put together: shape VAE, conditioning encoder and flow, rebuilt from one configuration."""

import torch
from torch import Tensor, nn

from training_loop.models.conditioning import ViewBatch, build_conditioner
from training_loop.models.config import LAYOUT_CHANNELS, ROTATION, SHAPE, ModelConfig
from training_loop.models.geometry_flow import ConditioningCache, GeometryFlow, Latents
from training_loop.models.shape_vae import ShapeVAE


class GeometryModel(nn.Module):
    """Photograph, mask and optional point map → distribution over shape latents and layout."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.vae = ShapeVAE(config.vae)
        self.conditioner = build_conditioner(config.conditioning)
        self.flow = GeometryFlow(config)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def latent_shapes(self) -> dict[str, tuple[int, int]]:
        """Modality → (tokens, channels) of its x₁, shape as cells of the VAE's grid."""
        return {SHAPE: self.config.vae.latent_shape, **{name: (1, c) for name, c in LAYOUT_CHANNELS.items()}}

    def condition(self, views: ViewBatch, keep: Tensor | None = None) -> ConditioningCache:
        """Encode T targets; where `keep` (T,) bool is False the target's tokens are zero (no condition)."""
        tokens = self.conditioner(views)
        if keep is not None:
            tokens = tokens * keep[:, None, None].to(tokens.dtype)
        return self.flow.condition(tokens)

    def velocity(self, x: Latents, t: Tensor, condition: ConditioningCache | None, d: Tensor | None = None) -> Latents:
        """v_θ(x_τ, c, τ, d); see `GeometryFlow.forward`."""
        return self.flow(x, t, condition, d)  # type: ignore[no-any-return]

    def normalise_rotation(self, rotation_6d: Tensor) -> Tensor:
        """z-score (..., 6) (paper E.4)."""
        return (rotation_6d - rotation_6d.new_tensor(self.config.rotation_mean)) / rotation_6d.new_tensor(
            self.config.rotation_std
        )

    def denormalise(self, x_1: Latents) -> Latents:
        """Undo the z-score of the rotation; other modalities pass."""
        if ROTATION not in x_1:
            return x_1
        rotation = x_1[ROTATION]
        std, mean = rotation.new_tensor(self.config.rotation_std), rotation.new_tensor(self.config.rotation_mean)
        return {**x_1, ROTATION: rotation * std + mean}
