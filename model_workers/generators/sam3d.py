"""Samples from the current checkpoint of our geometry model: all seeds in one batch, the picture encoded once."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model_workers.generators.projection import cut_finer
from model_workers.generators.protocol import GenerationContext, GeneratorError, PosedShape, Proposal

if TYPE_CHECKING:
    from training_loop.models.generator import GeometryModel

SAMPLER_SETTINGS = ("steps", "cfg", "shortcut", "refine_layouts")


class Sam3D:
    """Keeps the checkpoint that it used last. `parameters` may name SAMPLER_SETTINGS of `sample_candidates`."""

    uses_checkpoint = True

    def __init__(self) -> None:
        self._loaded: tuple[Path, GeometryModel] | None = None

    def generate(self, context: GenerationContext) -> Iterator[Proposal]:
        """Yield a shape with its latent and its layout for every seed whose sample has a surface.

        Raises:
            GeneratorError: the request names no checkpoint.
        """
        from training_loop.api import sample_candidates

        if context.checkpoint is None:
            raise GeneratorError("sam3d needs a checkpoint, the collection has none: pretrain and promote one first")
        settings: dict[str, Any] = {
            name: context.parameters[name] for name in SAMPLER_SETTINGS if name in context.parameters
        }
        model = self._model(context.checkpoint)
        samples = sample_candidates(
            model=model,
            image=context.image,
            mask=context.mask,
            point_map=context.point_map,
            intrinsics=context.intrinsics,
            seeds=context.seeds,
            **settings,
        )
        for sample in samples:
            yield Proposal(
                seed=sample.seed,
                mesh=sample.mesh,
                layout=sample.layout,
                latent=sample.latent,
                latent_space=model.latent_space,
                parameters=settings,
            )

    def texture(self, context: GenerationContext, shape: PosedShape) -> Iterator[Proposal]:
        """Yield the shape in the colours that candidates of the checkpoint come with: one, whatever the seed."""
        from training_loop.colouring import paint_from_photograph

        mesh = cut_finer(shape.mesh)
        paint_from_photograph(mesh, context.image, context.mask, shape.pose, shape.intrinsics)
        yield Proposal(seed=context.seeds[0], mesh=mesh)

    def _model(self, checkpoint: Path) -> "GeometryModel":
        # The file's name is its digest: the same path is the same model.
        if self._loaded is None or self._loaded[0] != checkpoint:
            import torch

            from training_loop.api import load_generator

            device = "cuda" if torch.cuda.is_available() else "cpu"
            self._loaded = None  # two models at once may not fit
            model = load_generator(checkpoint, device=device)
            if device == "cuda":
                model.halve_linear_weights()
                if model.config.preset == "full":
                    model.compile_blocks()  # the first request waits for it, all others gain
            self._loaded = (checkpoint, model)
        return self._loaded[1]
