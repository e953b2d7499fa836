"""Train the shape VAE on a bank, while the bank may still grow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from training_loop.batches import Chance
from training_loop.models.shape_vae import ShapeVAE
from training_loop.objectives import vae_loss
from training_loop.recipe import VAEConfig
from training_loop.shape_bank import ShapeBank


@dataclass(frozen=True)
class ShapeBatch:
    """`occupancy` (B, R, R, R) bool; `noise` (B, c, r, r, r) of the posterior."""

    occupancy: Tensor
    noise: Tensor


class BankVAEStage:
    """Occupancy reconstruction; every batch is turned and mirrored, for meshes of other origin stand otherwise."""

    name = "vae"

    def __init__(self, vae: ShapeVAE, bank: Callable[[], ShapeBank], config: VAEConfig, seed: int) -> None:
        self.vae, self.bank, self.config, self.seed = vae, bank, config, seed
        self.batch_size = config.batch_size

    def trained(self) -> dict[str, nn.Module]:
        """All of the VAE."""
        return {"vae": self.vae}

    def draw(self, step: int, rows: Sequence[int]) -> ShapeBatch:
        """Shapes by chance, all turned alike."""
        bank = self.bank()
        chance = Chance(self.seed, self.name, step, rows, bank.device)
        occupancy = bank.occupancy((chance.uniform() * len(bank)).long().clamp(max=len(bank) - 1))
        rng = np.random.default_rng([self.seed, step])
        order, flips = rng.permutation(3), np.flatnonzero(rng.random(3) < 0.5)
        occupancy = occupancy.permute(0, *(1 + order).tolist()).flip((1 + flips).tolist())
        edge = self.vae.config.latent_resolution
        return ShapeBatch(occupancy, chance.normal(self.vae.config.latent_channels, edge, edge, edge))

    def loss(self, batch: ShapeBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Negative ELBO with a Dice term."""
        occupancy = batch.occupancy.float()
        mean, log_variance = self.vae.encoder(occupancy[:, None])
        mean, log_variance = mean.float(), log_variance.float()
        logits = self.vae.decoder(mean + (0.5 * log_variance).exp() * batch.noise)[:, 0].float()
        terms = vae_loss(logits, occupancy, mean, log_variance, self.config.kl_weight)
        with torch.no_grad():
            iou = solid_iou(logits > 0, batch.occupancy).mean()
        return terms["total"], {"entropy": terms["entropy"].detach(), "kl": terms["kl"].detach(), "voxel_iou": iou}


def solid_iou(full: Tensor, truth: Tensor) -> Tensor:
    """(B, R, R, R), (B, R, R, R) bool → (B,)."""
    both, either = (full & truth).flatten(1).sum(1), (full | truth).flatten(1).sum(1)
    return both / either.clamp(min=1)
