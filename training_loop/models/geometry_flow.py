"""Velocity field of the geometry model: a Mixture of Transformers over shape tokens and layout tokens.

Two streams with weights of their own and one shared modulation. Shape attends to shape; layout attends to layout and
to *detached* shape keys and values, so that shape can be trained, frozen or run without layout.

Source: paper section C.1, Figure 2; shapes of the released geometry model.
"""

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from training_loop.models.attention import attend
from training_loop.models.config import LAYOUT_CHANNELS, SHAPE, FlowConfig, ModelConfig
from training_loop.models.gaussian_prior import GaussianPrior, unit_gaussian_velocity
from training_loop.models.layers import FeedForward, HeadRMSNorm, ScalarEmbedder, grid_position_embedding, normal

LAYOUT = "layout"
STREAMS = (SHAPE, LAYOUT)

Latents = dict[str, Tensor]
"""Modality → (B, tokens, channels). Shape comes as (B, cells, channels) of the VAE's grid."""


@dataclass(frozen=True)
class ConditioningCache:
    """What T targets mean to every block, computed once per target.

    Cross-attention keys and values, [block][stream] → (k, v); where the flow has a Gaussian head start, its offset
    (T, rank); and which targets have a condition (T,), the others being zero tokens.
    """

    keys_values: list[dict[str, tuple[Tensor, Tensor]]]
    offset: Tensor | None
    known: Tensor

    def select(self, targets: Tensor) -> "ConditioningCache":
        """The cache of some targets, by index or by mask."""
        return ConditioningCache(
            [{stream: (k[targets], v[targets]) for stream, (k, v) in block.items()} for block in self.keys_values],
            None if self.offset is None else self.offset[targets],
            self.known[targets],
        )


class JointSelfAttention(nn.Module):
    """Self-attention of both streams under the structured mask."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        channels = width // heads
        self.to_qkv = nn.ModuleDict({stream: nn.Linear(width, 3 * width) for stream in STREAMS})
        self.q_rms_norm = nn.ModuleDict({stream: HeadRMSNorm(heads, channels) for stream in STREAMS})
        self.k_rms_norm = nn.ModuleDict({stream: HeadRMSNorm(heads, channels) for stream in STREAMS})
        self.to_out = nn.ModuleDict({stream: nn.Linear(width, width) for stream in STREAMS})

    def _project(self, stream: str, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = self.to_qkv[stream](x).unflatten(-1, (3, self.heads, -1)).unbind(2)
        q, k = self.q_rms_norm[stream](q), self.k_rms_norm[stream](k)
        return q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)

    def forward(self, streams: dict[str, Tensor]) -> dict[str, Tensor]:
        """Stream → (B, N, width); the layout stream may be left out."""
        q, k, v = self._project(SHAPE, streams[SHAPE])
        attended = {SHAPE: attend(q, k, v)}
        if LAYOUT in streams:
            layout_q, layout_k, layout_v = self._project(LAYOUT, streams[LAYOUT])
            attended[LAYOUT] = attend(
                layout_q, torch.cat([layout_k, k.detach()], dim=2), torch.cat([layout_v, v.detach()], dim=2)
            )
        return {stream: self.to_out[stream](x.transpose(1, 2).flatten(2)) for stream, x in attended.items()}


class CrossAttention(nn.Module):
    """Attention to the conditioning tokens; several candidates of one target share its keys and values."""

    def __init__(self, width: int, heads: int, conditioning_width: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width)
        self.to_kv = nn.Linear(conditioning_width, 2 * width)
        self.to_out = nn.Linear(width, width)

    def keys_values(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """(T, M, conditioning width) → keys and values (T, heads, M, channels)."""
        k, v = self.to_kv(tokens).unflatten(-1, (2, self.heads, -1)).unbind(2)
        return k.transpose(1, 2), v.transpose(1, 2)

    def forward(self, x: Tensor, keys_values: tuple[Tensor, Tensor] | None) -> Tensor:
        """(B, N, width) with keys of T targets, T dividing B → (B, N, width); None is the zero-token condition.

        Zero tokens have equal keys and the values' bias, whatever the query: no attention needs to be computed.
        """
        if keys_values is None:
            # Through the layer, not from its bias: a sharded layer has its weights only while it is called.
            _, value = self.to_kv(x.new_zeros(1, self.to_kv.in_features)).chunk(2, dim=-1)
            return self.to_out(value).expand_as(x)  # type: ignore[no-any-return]
        k, v = keys_values
        targets, (batch, length, width) = k.shape[0], x.shape
        q = self.to_q(x).reshape(targets, batch // targets * length, self.heads, -1).transpose(1, 2)
        attended = attend(q, k, v).transpose(1, 2)
        return self.to_out(attended.reshape(batch, length, width))  # type: ignore[no-any-return]


class FlowBlock(nn.Module):
    """Joint self-attention, cross-attention and feed-forward; self-attention and feed-forward are modulated."""

    def __init__(self, flow: FlowConfig, conditioning_width: int) -> None:
        super().__init__()
        width, heads = flow.width, flow.heads
        self.norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.norm2 = nn.ModuleDict({stream: nn.LayerNorm(width, eps=1e-6) for stream in STREAMS})
        self.self_attn = JointSelfAttention(width, heads)
        self.cross_attn = nn.ModuleDict(
            {stream: CrossAttention(width, heads, conditioning_width) for stream in STREAMS}
        )
        ratios = {SHAPE: flow.mlp_ratio, LAYOUT: flow.layout_mlp_ratio}
        self.mlp = nn.ModuleDict({stream: FeedForward(width, ratios[stream]) for stream in STREAMS})
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))

    def forward(
        self,
        streams: dict[str, Tensor],
        embedding: Tensor,
        keys_values: dict[str, tuple[Tensor, Tensor]] | None,
    ) -> dict[str, Tensor]:
        """Stream → (B, N, width), embedding (B, width) of time and step size."""
        modulation = self.adaLN_modulation(embedding)[:, None].chunk(6, dim=-1)
        shift_attention, scale_attention, gate_attention, shift_mlp, scale_mlp, gate_mlp = modulation
        attended = self.self_attn(
            {stream: self.norm(x) * (1 + scale_attention) + shift_attention for stream, x in streams.items()}
        )
        result = {}
        for stream, x in streams.items():
            x = x + gate_attention * attended[stream]
            condition = None if keys_values is None else keys_values[stream]
            x = x + self.cross_attn[stream](self.norm2[stream](x), condition)
            result[stream] = x + gate_mlp * self.mlp[stream](self.norm(x) * (1 + scale_mlp) + shift_mlp)
        return result


class LatentMapping(nn.Module):
    """In and out of the transformer's width for one modality, with its position embedding."""

    def __init__(self, channels: int, width: int, position: Tensor, *, learned: bool) -> None:
        super().__init__()
        self.input_layer = nn.Linear(channels, width)
        self.out_layer = nn.Linear(width, channels)
        if learned:
            self.pos_emb = nn.Parameter(position)
        else:
            self.register_buffer("pos_emb", position)

    def embed(self, x: Tensor) -> Tensor:
        """(B, N, channels) → (B, N, width)."""
        return self.input_layer(x) + self.pos_emb  # type: ignore[no-any-return]


class GeometryFlow(nn.Module):
    """v_θ(x_τ, c, τ, d) for every modality that is passed in."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        flow, width = config.flow, config.flow.width
        self.config = config
        _, channels = config.shape_tokens
        grid_edge = config.vae.latent_resolution // flow.latent_patch
        mappings = {SHAPE: LatentMapping(channels, width, grid_position_embedding(grid_edge, width), learned=False)}
        for name, layout_channels in LAYOUT_CHANNELS.items():
            mappings[name] = LatentMapping(layout_channels, width, normal(1, width, std=0.02), learned=True)
        self.latent_mapping = nn.ModuleDict(mappings)
        self.t_embedder = ScalarEmbedder(width)
        self.d_embedder = ScalarEmbedder(width)
        self.blocks = nn.ModuleList(FlowBlock(flow, config.conditioning.width) for _ in range(flow.blocks))
        self.out_norm = nn.LayerNorm(width, elementwise_affine=False)
        self.prior: GaussianPrior | None = None
        if flow.prior_rank:
            cells, cell_channels = config.vae.latent_shape
            self.prior = GaussianPrior(cells * cell_channels, flow.prior_rank, flow.prior_landmarks)
        self.checkpoint_activations = False
        self.compiled = False
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        for embedder in (self.t_embedder, self.d_embedder):
            for layer in (embedder.mlp[0], embedder.mlp[2]):
                weight = cast(nn.Linear, layer).weight
                weight.data.copy_(normal(*weight.shape, std=0.02))
        # The step size is a late comer (distillation): at the start it must change nothing (paper C.4).
        zero: list[Any] = [self.d_embedder.mlp[2], *(cast(FlowBlock, b).adaLN_modulation[1] for b in self.blocks)]
        zero += [cast(LatentMapping, mapping).out_layer for mapping in self.latent_mapping.values()]
        for layer in zero:
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def freeze_shape(self) -> None:
        """Freeze everything that shapes depend on: what remains to be trained is the layout stream (paper C.1)."""
        for name, weight in self.named_parameters():
            weight.requires_grad_(not {LAYOUT, *LAYOUT_CHANNELS}.isdisjoint(name.split(".")))

    def compile_blocks(self, backend: str = "inductor") -> None:
        """Compile one block; all share its code, so that it costs seconds instead of minutes. Pays on GPUs.

        Before the blocks are sharded or wrapped, if they are.
        """
        # Batch sizes, with and without layout, condition and gradients: each is compiled when it is first met.
        torch._dynamo.config.recompile_limit = 64
        # Blocks are smaller than what DDP exchanges at once: nothing to split.
        torch._dynamo.config.optimize_ddp = False
        self.compiled = True
        for block in self.blocks:
            block.compile(dynamic=False, backend=backend)

    def condition(
        self, tokens: Tensor, crop: Tensor, known: Tensor | None = None, *, layout: bool = True
    ) -> ConditioningCache:
        """Prepare T targets, to be shared over seeds and steps.

        Args:
            tokens: (T, M, width) of the conditioning encoder. crop: (T, 4, P, P) uint8, the crop view.
            known: (T,) bool; where False the target is treated as unconditional (zero tokens). None is all True.
            layout: False prepares the shape stream alone.
        """
        streams = STREAMS if layout else (SHAPE,)
        known = torch.ones(len(tokens), dtype=torch.bool, device=tokens.device) if known is None else known
        tokens = tokens * known[:, None, None].to(tokens.dtype)
        keys_values = [
            {
                stream: cast(CrossAttention, cast(FlowBlock, block).cross_attn[stream]).keys_values(tokens)
                for stream in streams
            }
            for block in self.blocks
        ]
        offset = None
        if self.prior is not None:
            with torch.no_grad(), torch.autocast(tokens.device.type, enabled=False):
                offset = self.prior.offset(crop)
        return ConditioningCache(keys_values, offset, known)

    def forward(self, x: Latents, t: Tensor, condition: ConditioningCache | None, d: Tensor | None = None) -> Latents:
        """Velocities of the modalities in `x` (shape, and optionally all of the layout) at time t.

        Args:
            x: modality → (B, tokens, channels) at time t; shape as (B, cells, channels).
            t: (B,) time τ, 0 noise and 1 data.
            condition: keys and values of T targets, T dividing B with candidates of a target adjacent;
                None is the unconditional (zero tokens) pass.
            d: (B,) step size; None is d = 0, plain flow matching.
        """
        patch = self.config.flow.latent_patch
        embedding = self.t_embedder(t) + self.d_embedder(torch.zeros_like(t) if d is None else d)
        shape, head_start = x[SHAPE], {}
        if self.prior is not None:
            # The posterior mean is what the transformer sees: directions without information are quiet in it.
            offset, known = self._per_sample(condition, len(shape))
            with torch.autocast(shape.device.type, enabled=False):
                head_start[SHAPE], shape = self.prior(shape, t, offset, known)
        streams = {SHAPE: self.latent_mapping[SHAPE].embed(self._fold(shape, patch))}  # type: ignore[operator]
        layout = [name for name in LAYOUT_CHANNELS if name in x]
        if layout:
            streams[LAYOUT] = torch.cat([self.latent_mapping[name].embed(x[name]) for name in layout], dim=1)  # type: ignore[operator]
        for index, block in enumerate(self.blocks):
            keys_values = None if condition is None else condition.keys_values[index]
            if self.checkpoint_activations and torch.is_grad_enabled():
                streams = checkpoint(block, streams, embedding, keys_values, use_reentrant=False)
            else:
                streams = block(streams, embedding, keys_values)
        normed = {stream: self.out_norm(h.float()) for stream, h in streams.items()}
        velocity = {SHAPE: self._unfold(self.latent_mapping[SHAPE].out_layer(normed[SHAPE]), patch)}  # type: ignore[operator]
        for position, name in enumerate(layout):
            velocity[name] = self.latent_mapping[name].out_layer(normed[LAYOUT][:, position : position + 1])  # type: ignore[operator]
        if self.prior is not None:
            head_start |= {name: unit_gaussian_velocity(x[name], t) for name in layout}
        return {name: v.float() + head_start.get(name, 0.0) for name, v in velocity.items()}

    @staticmethod
    def _per_sample(condition: ConditioningCache | None, batch: int) -> tuple[Tensor | None, Tensor | None]:
        """Offset and knownness of each sample, candidates of a target being adjacent."""
        if condition is None or condition.offset is None:
            return None, None
        repeats = batch // len(condition.known)
        return condition.offset.repeat_interleave(repeats, 0), condition.known.repeat_interleave(repeats, 0)

    def _fold(self, cells: Tensor, patch: int) -> Tensor:
        if patch == 1:
            return cells
        edge = self.config.vae.latent_resolution // patch
        grid = cells.reshape(-1, edge, patch, edge, patch, edge, patch, cells.shape[-1])
        return grid.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(cells.shape[0], edge**3, -1)

    def _unfold(self, tokens: Tensor, patch: int) -> Tensor:
        if patch == 1:
            return tokens
        edge = self.config.vae.latent_resolution // patch
        grid = tokens.reshape(-1, edge, edge, edge, patch, patch, patch, self.config.vae.latent_channels)
        return grid.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(tokens.shape[0], -1, self.config.vae.latent_channels)
