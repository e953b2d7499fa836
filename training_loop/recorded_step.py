"""Forward and backward pass of a batch recorded once as a CUDA graph: one launch a step instead of thousands.

A step of a small model is a few thousand kernels of microseconds each; launching them one by one takes longer than
they run. What is recorded reads its batch from fixed memory and leaves its gradients there: batches keep their shapes.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from training_loop.batches import map_tensors
from training_loop.precision import autocast

# Libraries choose algorithms and take workspaces when they are first called; none of that can be recorded.
WARM_UP_RUNS = 3


class RecordedStep:
    """The recorded pass; calling it gives the loss of a batch and what it logs, and leaves gradients in the weights.

    Args:
        module: maps a batch to (loss, logged values) without waiting for the device.
        weights: what gradients are left in.
        batch: one like all that will follow; on a CUDA device.
    """

    def __init__(self, module: nn.Module, weights: Sequence[nn.Parameter], batch: Any, *, precision: str) -> None:
        self.module, self.weights, self.precision = module, list(weights), precision
        self.batch = map_tensors(batch, torch.clone)
        beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(WARM_UP_RUNS):
                self._run()
        torch.cuda.current_stream().wait_stream(beside)
        self.graph = torch.cuda.CUDAGraph()
        # Other threads draw batches meanwhile.
        with torch.cuda.graph(self.graph, capture_error_mode="thread_local"):
            self.loss, self.logged = self._run()
        self.gradients = [weight.grad for weight in self.weights]
        self._forget_gradients()

    def __call__(self, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """Replay with another batch.

        Raises:
            ValueError: its tensors have other shapes than the recorded ones.
        """
        own, given = tensors_of(self.batch), tensors_of(batch)
        if [tensor.shape for tensor in own] != [tensor.shape for tensor in given]:
            raise ValueError(
                "a recorded step takes batches of one shape: leave cuda_graph off where rows or modalities change"
            )
        for fixed, tensor in zip(own, given, strict=True):
            fixed.copy_(tensor, non_blocking=True)
        self.graph.replay()
        for weight, gradient in zip(self.weights, self.gradients, strict=True):
            weight.grad = gradient
        return self.loss.clone(), {name: value.clone() for name, value in self.logged.items()}

    def _run(self) -> tuple[Tensor, dict[str, Tensor]]:
        self._forget_gradients()
        with autocast(self.weights[0].device, self.precision):
            loss, logged = self.module(self.batch)
        loss.backward()
        return loss.detach(), logged

    def _forget_gradients(self) -> None:
        for weight in self.weights:
            weight.grad = None


def tensors_of(batch: Any) -> list[Tensor]:
    """All tensors of a batch, in a fixed order."""
    found: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    map_tensors(batch, keep)
    return found
