"""The geometry model put together: shape VAE, conditioning encoder and flow, rebuilt from one configuration."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from training_loop.models.conditioning import PointPatchEmbed, ViewBatch, build_conditioner
from training_loop.models.config import LAYOUT_CHANNELS, SHAPE, ModelConfig
from training_loop.models.dinov2 import DinoV2
from training_loop.models.geometry_flow import ConditioningCache, GeometryFlow, Latents
from training_loop.models.released_frames import layout_from_released, layout_to_released
from training_loop.models.shape_vae import ShapeVAE


class LatentSpaceError(ValueError):
    """A flow and a VAE, or a latent and a VAE, that do not belong together."""


class GeometryModel(nn.Module):
    """Photograph, mask and optional point map → distribution over shape latents and layout."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.vae = ShapeVAE(config.vae)
        self.conditioner = build_conditioner(config.conditioning)
        self.flow = GeometryFlow(config)
        # The latent space that the flow was trained in, where that is known: it must stay the VAE's.
        self.latent_space: str | None = None

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def latent_shapes(self) -> dict[str, tuple[int, int]]:
        """Modality → (tokens, channels) of its x₁, shape as cells of the VAE's grid."""
        return {SHAPE: self.config.vae.latent_shape, **{name: (1, c) for name, c in LAYOUT_CHANNELS.items()}}

    def condition(self, views: ViewBatch, keep: Tensor | None = None, *, layout: bool = True) -> ConditioningCache:
        """Encode T targets; where `keep` (T,) bool is False the target's tokens are zero (no condition)."""
        return self.flow.condition(self.conditioner(views), views.crop, keep, layout=layout)

    def velocity(self, x: Latents, t: Tensor, condition: ConditioningCache | None, d: Tensor | None = None) -> Latents:
        """v_θ(x_τ, c, τ, d); see `GeometryFlow.forward`."""
        return self.flow(x, t, condition, d)  # type: ignore[no-any-return]

    def adopt_vae(self, vae: ShapeVAE) -> None:
        """Exchange the VAE for one with the same decoder and statistics, such as a better encoder.

        Raises:
            LatentSpaceError: the VAE is of another latent space than the one that the flow was trained in.
        """
        if self.latent_space is not None and vae.fingerprint() != self.latent_space:
            raise LatentSpaceError(
                f"the flow speaks the latent space {self.latent_space}, the VAE is of {vae.fingerprint()}: "
                "what it decodes would be noise. Use the VAE that the flow was trained with"
            )
        self.vae = vae.to(self.device)
        self.config = replace(self.config, vae=vae.config)

    def halve_linear_weights(self) -> None:
        """Keep the weights of linear layers in bf16: what autocast makes of them at every call, in half the memory.

        For sampling on a GPU alone: without autocast the two precisions do not mix, and training on, or saving, would
        lose what was rounded away.
        """
        for module in self.modules():
            if isinstance(module, nn.Linear):
                module.to(torch.bfloat16)

    def compile_blocks(self) -> None:
        """Compile what repeats (blocks of the flow and of the DINOv2 encoders) and the point patches, for GPUs."""
        self.flow.compile_blocks()
        for module in self.conditioner.modules():
            if isinstance(module, DinoV2):
                for block in module.blocks:
                    block.compile(dynamic=False)
            elif isinstance(module, PointPatchEmbed):
                module.compile(dynamic=False)

    def normalise_layout(self, layout: Latents) -> Latents:
        """Layout in our frames → the model's frames, z-scored where it has statistics (paper E.4)."""
        if self.config.released_frames:
            layout = layout_to_released(layout)
        return {
            name: (x - x.new_tensor(self.config.layout_mean[name])) / x.new_tensor(self.config.layout_std[name])
            if name in self.config.layout_mean
            else x
            for name, x in layout.items()
        }

    def denormalise_layout(self, layout: Latents) -> Latents:
        """The inverse of `normalise_layout`; other modalities pass."""
        layout = {
            name: x * x.new_tensor(self.config.layout_std[name]) + x.new_tensor(self.config.layout_mean[name])
            if name in self.config.layout_mean
            else x
            for name, x in layout.items()
        }
        return layout_from_released(layout) if self.config.released_frames else layout
