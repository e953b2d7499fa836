"""What rebuilds a model: frozen configurations, and the presets `full` and `mini`.

Source: paper section C.1; shapes of the released geometry model.
"""

from dataclasses import dataclass, field

SHAPE = "shape"
ROTATION = "rotation"
TRANSLATION = "translation"
SCALE = "scale"
TRANSLATION_SCALE = "translation_scale"

# Token order inside the layout stream, and channels of each token.
LAYOUT_CHANNELS: dict[str, int] = {ROTATION: 6, TRANSLATION: 3, SCALE: 3, TRANSLATION_SCALE: 1}


class ConfigError(ValueError):
    """A configuration whose numbers do not fit together."""


@dataclass(frozen=True)
class ShapeVAEConfig:
    """Occupancy of `resolution`³ ↔ latent of `latent_resolution`³ × `latent_channels`.

    `channels` run from the latent grid outwards; each further level doubles the grid. The outermost level predicts
    `voxel_patch`³ voxels per cell. `linear_path` adds a linear map between a latent cell and its voxels, which starts
    at their principal components: what the convolutions need minutes to find, it has at once. `input_shift` is taken
    from the occupancy before the encoder. `latent_mean` and `latent_std` bring the posterior to unit scale for the
    flow. A cell is full where its logit exceeds `surface_logit`, which an undertrained flow needs lower than 0: its
    shapes are blurred by what it does not know. `up_axis` is the canonical axis that points up inside of the networks
    (the released ones are Z-up); what goes in and comes out is Y-up either way. Without `encoder` the VAE only decodes,
    as the released one.
    """

    resolution: int = 64
    latent_resolution: int = 16
    latent_channels: int = 8
    channels: tuple[int, ...] = (512, 128, 32)
    blocks_per_level: int = 2
    middle_blocks: int = 2
    voxel_patch: int = 1
    edge_kernel: int = 3
    linear_path: bool = False
    input_shift: float = 0.0
    up_axis: str = "y"
    encoder: bool = True
    latent_mean: tuple[float, ...] = ()
    latent_std: tuple[float, ...] = ()
    surface_logit: float = 0.0

    def __post_init__(self) -> None:
        outer = self.latent_resolution * 2 ** (len(self.channels) - 1) * self.voxel_patch
        if outer != self.resolution:
            raise ConfigError(
                f"{len(self.channels)} levels from {self.latent_resolution}³ with voxel_patch {self.voxel_patch} "
                f"give {outer}³, not {self.resolution}³"
            )
        if self.up_axis not in ("y", "z"):
            raise ConfigError(f"up_axis must be 'y' or 'z', got {self.up_axis!r}")

    @property
    def latent_shape(self) -> tuple[int, int]:
        """(cells, channels) of one latent as stored: x major, then y, then z."""
        return self.latent_resolution**3, self.latent_channels


@dataclass(frozen=True)
class ConditioningConfig:
    """Views of the photograph that the model sees. `encoder` is `small` (trained along) or `dinov2`.

    The `*_grid` numbers are token grids of the small encoder: crop, full image, point map of crop and of full image.
    `backbone_*` size the two DINOv2 encoders, `point_*` the embedding of point patches. `camera` is the frame in which
    the networks see points and speak of layouts: `opencv` is ours, `pytorch3d` the released one (x left, y up, row
    vectors). Points reach at most `point_limit` scene scales far.
    """

    encoder: str = "dinov2"
    camera: str = "opencv"
    image_px: int = 518
    point_map_px: int = 256
    point_limit: float = 8.0
    crop_margin: float = 1.2
    width: int = 1024
    backbone_blocks: int = 24
    backbone_width: int = 1024
    backbone_heads: int = 16
    point_patch: int = 8
    point_width: int = 512
    channels: tuple[int, ...] = ()
    crop_grid: int = 0
    full_grid: int = 0
    point_crop_grid: int = 0
    point_full_grid: int = 0
    mixer_blocks: int = 0

    def __post_init__(self) -> None:
        if self.encoder not in ("small", "dinov2"):
            raise ConfigError(f"encoder must be 'small' or 'dinov2', got {self.encoder!r}")
        if self.camera not in ("opencv", "pytorch3d"):
            raise ConfigError(f"camera must be 'opencv' or 'pytorch3d', got {self.camera!r}")


@dataclass(frozen=True)
class FlowConfig:
    """Mixture of Transformers with a shape and a layout stream; `latent_patch`³ cells make one shape token.

    The layout's few tokens may do with a narrower feed-forward than the shape's (`layout_mlp_ratio`).
    `prior_rank` > 0 adds the velocity of a Gaussian of that rank (`GaussianPrior`), as a head start.
    """

    width: int = 1024
    blocks: int = 24
    heads: int = 16
    mlp_ratio: int = 4
    layout_mlp_ratio: int = 4
    latent_patch: int = 1
    prior_rank: int = 0
    prior_landmarks: int = 0

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ConfigError(f"width {self.width} is not a multiple of {self.heads} heads")


@dataclass(frozen=True)
class ModelConfig:
    """Everything that a checkpoint needs to rebuild its model. Layout modalities with statistics are z-scored (E.4)."""

    preset: str
    vae: ShapeVAEConfig
    conditioning: ConditioningConfig
    flow: FlowConfig
    layout_mean: dict[str, tuple[float, ...]] = field(default_factory=dict)
    layout_std: dict[str, tuple[float, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.vae.latent_resolution % self.flow.latent_patch:
            raise ConfigError(
                f"latent_patch {self.flow.latent_patch} does not divide the latent grid {self.vae.latent_resolution}"
            )

        if (self.conditioning.camera == "pytorch3d") != (self.vae.up_axis == "z"):
            raise ConfigError("the released frames go together: camera 'pytorch3d' with up_axis 'z'")

    @property
    def released_frames(self) -> bool:
        """Whether the networks speak the released frames inside; outside, everything is in ours."""
        return self.conditioning.camera == "pytorch3d"

    @property
    def shape_tokens(self) -> tuple[int, int]:
        """(tokens, channels) of the shape stream."""
        patch = self.flow.latent_patch
        return (self.vae.latent_resolution // patch) ** 3, self.vae.latent_channels * patch**3


# Mean and spread of the released model's rotation over its training data.
RELEASED_ROTATION_MEAN = (
    -0.06366084883674913,
    0.008438224692279752,
    0.00017084786438302483,
    0.0007126610473540038,
    -0.0030916726538816417,
    0.5166093753457688,
)
RELEASED_ROTATION_STD = (
    0.6656971967514863,
    0.6787012271867754,
    0.30345010594844524,
    0.4394504420678794,
    0.39817973931717104,
    0.6176286868761914,
)


def full() -> ModelConfig:
    """The released structure and frames: 24 blocks of width 1024 over 4096 × 8 shape tokens."""
    return ModelConfig(
        preset="full",
        vae=ShapeVAEConfig(up_axis="z"),
        conditioning=ConditioningConfig(camera="pytorch3d", point_limit=1000.0),
        flow=FlowConfig(),
        layout_mean={ROTATION: RELEASED_ROTATION_MEAN},
        layout_std={ROTATION: RELEASED_ROTATION_STD},
    )


def mini() -> ModelConfig:
    """What ships with the project: the same definition over 8³ × 8 latents in 64 tokens, 8 million weights in all."""
    return ModelConfig(
        preset="mini",
        vae=ShapeVAEConfig(
            latent_resolution=8,
            channels=(72, 48),
            blocks_per_level=2,
            middle_blocks=0,
            voxel_patch=4,
            edge_kernel=1,
            linear_path=True,
            input_shift=0.5,
        ),
        conditioning=ConditioningConfig(
            encoder="small",
            image_px=80,
            point_map_px=40,
            width=144,
            channels=(32, 64, 96),
            crop_grid=10,
            full_grid=5,
            point_crop_grid=5,
            point_full_grid=3,
            mixer_blocks=3,
        ),
        flow=FlowConfig(width=160, blocks=6, heads=5, latent_patch=2, layout_mlp_ratio=1),
    )


def micro() -> ModelConfig:
    """What two CPU cores train from nothing in two minutes: a quarter of `mini`, with a closed-form head start."""
    return ModelConfig(
        preset="micro",
        vae=ShapeVAEConfig(
            latent_resolution=8,
            channels=(64, 32),
            blocks_per_level=1,
            middle_blocks=0,
            voxel_patch=4,
            edge_kernel=1,
            linear_path=True,
            input_shift=0.5,
        ),
        conditioning=ConditioningConfig(
            encoder="small",
            image_px=64,
            point_map_px=32,
            width=128,
            channels=(16, 32, 64),
            crop_grid=8,
            full_grid=4,
            point_crop_grid=4,
            point_full_grid=2,
        ),
        flow=FlowConfig(width=128, blocks=4, heads=4, latent_patch=2, prior_rank=128, prior_landmarks=768),
    )


PRESETS = {"full": full, "mini": mini, "micro": micro}
