"""A closed-form head start for the velocity field: the best one if everything were Gaussian.

For x_1 ~ N(μ, Σ) and x_τ = τ x_1 + (1 - τ) x_0, along a principal direction of variance λ and with y = x_τ - τ μ,

    E[v | x_τ] = μ + (τ λ - (1 - τ)) / (τ² λ + (1 - τ)²) · y,     E[x_1 | x_τ] = μ + τ λ / (τ² λ + (1 - τ)²) · y.

Given a view, μ moves by a kernel ridge regression of silhouette and shading, and λ shrinks to what it leaves open.
The transformer then adds what the regression cannot see and what is not Gaussian. The small preset uses this, for two
minutes are too short to learn it by gradients; the released structure does without.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEATURE_GRID = 16
FEATURES = 2 * FEATURE_GRID**2
RIDGE = 0.3


def view_features(crop: Tensor) -> Tensor:
    """Crop views (T, 4, P, P) uint8 → (T, 512): silhouette, and shading inside it without its brightness."""
    view = crop.float() / 255.0
    mask = F.adaptive_avg_pool2d(view[:, 3:], FEATURE_GRID).flatten(1)
    shading = F.adaptive_avg_pool2d(view[:, :3].mean(1, keepdim=True) * view[:, 3:], FEATURE_GRID).flatten(1)
    brightness = shading.norm(dim=1, keepdim=True).clamp(min=1e-3)
    return torch.cat([mask, 0.5 * shading / brightness * mask.norm(dim=1, keepdim=True)], dim=1)


class GaussianPrior(nn.Module):
    """N(μ, Σ) over flattened latents, Σ = U diag(λ) Uᵀ + λ_rest (I - U Uᵀ), and its regression on views."""

    mean: Tensor
    basis: Tensor
    variance: Tensor
    variance_given_view: Tensor
    rest: Tensor
    landmarks: Tensor
    bandwidth: Tensor
    weights: Tensor

    def __init__(self, dimensions: int, rank: int, landmarks: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dimensions))
        self.register_buffer("basis", torch.zeros(dimensions, rank))
        self.register_buffer("variance", torch.ones(rank))
        self.register_buffer("variance_given_view", torch.ones(rank))
        self.register_buffer("rest", torch.ones(()))
        self.register_buffer("landmarks", torch.zeros(landmarks, FEATURES))
        self.register_buffer("bandwidth", torch.ones(()))
        self.register_buffer("weights", torch.zeros(landmarks, rank))

    @torch.no_grad()
    def fit(self, x_1: Tensor, crop: Tensor) -> None:
        """Fit to N samples: latents (N, dimensions) and their crop views (N, 4, P, P).

        The eigenproblem is N × N, so at most 4096 samples are used; a fifth measures what the regression leaves open.
        """
        x_1, features = x_1[:4096], view_features(crop[:4096])
        count, rank = x_1.shape[0], self.basis.shape[1]
        mean = x_1.mean(0)
        centred = (x_1 - mean).double()
        values, vectors = torch.linalg.eigh(centred @ centred.T / count)
        kept = min(rank, count - 1)
        values, vectors = values[-kept:].flip(0).clamp(min=1e-8), vectors[:, -kept:].flip(1)
        basis = centred.T @ vectors / (values * count).sqrt()
        rest = (centred.square().sum() / count - values.sum()) / max(x_1.shape[1] - kept, 1)
        self.mean.copy_(mean)
        self.basis.zero_()[:, :kept] = basis.float()
        self.variance.fill_(1.0)[:kept] = values.float()
        self.rest.copy_(rest.clamp(min=1e-4))

        chosen = torch.linspace(0, count - 1, self.landmarks.shape[0]).round().long()
        self.landmarks.copy_(features[chosen])
        self.bandwidth.copy_(0.6 * torch.cdist(features[:512], features[:512]).median().clamp(min=1e-3))
        codes, kernel = (x_1 - mean) @ self.basis, self._kernel(features)
        held_out = torch.arange(count) % 5 == 0
        self.weights.copy_(self._regress(kernel[~held_out], codes[~held_out]))
        open_variance = (codes - kernel @ self.weights)[held_out].square().mean(0)
        self.variance_given_view.copy_(torch.minimum(open_variance, self.variance).clamp(min=1e-6))
        self.weights.copy_(self._regress(kernel, codes))

    def _kernel(self, features: Tensor) -> Tensor:
        distance: Tensor = torch.cdist(features, self.landmarks) / self.bandwidth
        return torch.exp(-0.5 * distance.square())

    def _regress(self, kernel: Tensor, codes: Tensor) -> Tensor:
        """Ridge regression in the landmarks' kernel space: (N, M), (N, rank) → (M, rank)."""
        among = self._kernel(self.landmarks).double()
        k = kernel.double()
        jitter = 1e-6 * torch.eye(len(among), dtype=torch.float64, device=among.device)
        weights: Tensor = torch.linalg.solve(k.T @ k + RIDGE * among + jitter, k.T @ codes.double())
        return weights.float()

    def offset(self, crop: Tensor) -> Tensor:
        """Where views move the mean: (T, 4, P, P) → (T, rank) in principal coordinates."""
        moved: Tensor = self._kernel(view_features(crop)) @ self.weights
        return moved

    def forward(self, x_t: Tensor, t: Tensor, offset: Tensor | None, known: Tensor | None) -> tuple[Tensor, Tensor]:
        """E[v | x_τ] and E[x_1 | x_τ], each (B, cells, channels).

        Args:
            x_t: (B, cells, channels). t: (B,).
            offset: (B, rank) of `offset`, or None without condition. known: (B,) bool, which samples have a condition.
        """
        x, time = x_t.float().flatten(1), t.float()[:, None]
        mean, variance = self.mean.expand_as(x), self.variance.expand(len(x), -1)
        if offset is not None and known is not None:
            mean = mean + (offset * known[:, None]) @ self.basis.T
            variance = torch.where(known[:, None], self.variance_given_view, variance)
        y = x - time * mean
        along = y @ self.basis

        def posterior(numerator: Callable[[Tensor], Tensor]) -> Tensor:
            inside, outside = (
                numerator(value) / (time.square() * value + (1 - time).square()) for value in (variance, self.rest)
            )
            return (mean + outside * y + (along * (inside - outside)) @ self.basis.T).view_as(x_t)

        return posterior(lambda value: time * value - (1 - time)), posterior(lambda value: time * value)


def unit_gaussian_velocity(x_t: Tensor, t: Tensor) -> Tensor:
    """E[v | x_τ] for x_1 ~ N(0, I): (B, N, C), (B,) → (B, N, C)."""
    time = t[:, None, None]
    return (2 * time - 1) / (time.square() + (1 - time).square()) * x_t
