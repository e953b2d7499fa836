"""One process, DDP or FSDP2: the same training, spread over the processes that `torchrun` started.

Sharded weights are DTensors. AdamW and the running average act on each element by itself, so they work on the local
shards; only norms and files need the whole.
"""

import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeGuard

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from training_loop.models import dinov2
from training_loop.models.generator import GeometryModel
from training_loop.models.geometry_flow import CrossAttention, FlowBlock

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor

# Rank 0 may draw a library or evaluate for long while the others wait.
PATIENCE = timedelta(hours=2)


class ParallelError(RuntimeError):
    """The processes cannot share this work."""


class LossModule(nn.Module):
    """A stage's trained modules with its loss as their forward pass: what DDP and FSDP2 hook into."""

    def __init__(self, trained: Mapping[str, nn.Module], loss: Any) -> None:
        super().__init__()
        self.trained = nn.ModuleDict(trained)
        self.loss = loss

    def forward(self, batch: Any) -> Any:
        """The stage's loss of a batch."""
        return self.loss(batch)


@dataclass(frozen=True)
class Parallel:
    """This process among `world_size`; `strategy` is `ddp` or `fsdp` and means nothing to a single process."""

    rank: int = 0
    world_size: int = 1
    strategy: str = "ddp"

    @property
    def is_first(self) -> bool:
        """Whether this process writes logs and files."""
        return self.rank == 0

    @property
    def is_sharded(self) -> bool:
        """Whether weights are spread over the processes."""
        return self.world_size > 1 and self.strategy == "fsdp"

    def rows(self, batch_size: int, micro_batch_size: int) -> list[range]:
        """This process's rows of every global batch, in pieces of at most `micro_batch_size` (0 is all at once).

        Raises:
            ParallelError: the batch does not divide among the processes.
        """
        if batch_size % self.world_size:
            raise ParallelError(
                f"a batch of {batch_size} does not divide among {self.world_size} processes; make it a multiple"
            )
        own = batch_size // self.world_size
        piece = min(micro_batch_size or own, own)
        first, end = self.rank * own, (self.rank + 1) * own
        return [range(start, min(start + piece, end)) for start in range(first, end, piece)]

    def wrap(self, trained: Mapping[str, nn.Module], loss: Any) -> nn.Module:
        """Make the loss of trained modules exchange gradients; all processes start from the first one's weights."""
        module = LossModule(trained, loss)
        if self.world_size == 1:
            return module
        for tensor in [*module.parameters(), *module.buffers()]:
            dist.broadcast(tensor.detach(), src=0)
        if not self.is_sharded:
            # Buffers are constants, the same everywhere from here on. (The argument that says so changed its name.)
            constants = [name for name, _ in module.named_buffers()]
            DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(module, constants)  # type: ignore[no-untyped-call]
            # Some stages leave a modality's weights unused, which ones is the recipe's business.
            return DistributedDataParallel(module, find_unused_parameters=True)
        # Imported where it is used: it takes more than a second, and most processes spread nothing.
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        # Nothing here changes keys and values in place, which is what the warning is about.
        warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view tensor")
        mesh = init_device_mesh(next(module.parameters()).device.type, (self.world_size,))
        for part in module.modules():
            if isinstance(part, CrossAttention):
                # The condition is encoded ahead of the blocks. Sharded by itself, its layer is gathered then, and the
                # rest of the block is compiled without a break.
                fully_shard(part.to_kv, mesh=mesh)
        for part in module.modules():
            if isinstance(part, FlowBlock | dinov2.Block):
                fully_shard(part, mesh=mesh)
        fully_shard(module, mesh=mesh)
        return module

    @contextmanager
    def accumulating(self, module: nn.Module, *, last: bool) -> Iterator[None]:
        """Exchange gradients in the last piece of a batch alone."""
        if isinstance(module, DistributedDataParallel) and not last:
            with module.no_sync():
                yield
            return
        if self.is_sharded:
            from torch.distributed.fsdp import FSDPModule

            assert isinstance(module, FSDPModule)
            module.set_requires_gradient_sync(last)
        yield

    def mean(self, value: Tensor) -> Tensor:
        """The mean over processes, without waiting for it on the host."""
        if self.world_size == 1:
            return value
        value = value.detach().clone()
        dist.all_reduce(value)
        return value / self.world_size

    def gather(self, value: Any) -> list[Any]:
        """What every process has to say, in the order of ranks."""
        if self.world_size == 1:
            return [value]
        answers: list[Any] = [None] * self.world_size
        dist.all_gather_object(answers, value)
        return answers

    @contextmanager
    def first_ahead(self) -> Iterator[None]:
        """The first process goes through the body before the others begin, so that they find what it has made."""
        if not self.is_first:
            self.wait_for_all()
        yield
        if self.is_first:
            self.wait_for_all()

    def wait_for_all(self) -> None:
        """Hold all processes here until each has come."""
        if self.world_size > 1:
            dist.barrier()

    def gradient_norm(self, gradients: list[Tensor]) -> Tensor:
        """‖g‖₂ over all weights, from the local parts of their gradients."""
        squares = torch.stack(torch._foreach_norm(gradients)).square().sum()
        if self.is_sharded:
            dist.all_reduce(squares)
        return squares.sqrt()


def is_spread(weight: Tensor) -> "TypeGuard[DTensor]":
    """Whether FSDP2 has spread a weight over the processes; nobody else imports what it would be then."""
    module = sys.modules.get("torch.distributed.tensor")
    return module is not None and isinstance(weight, module.DTensor)


def local(weight: Tensor) -> Tensor:
    """This process's part of a weight or gradient, sharing its memory."""
    weight = weight.detach()
    return weight.to_local() if is_spread(weight) else weight


def whole(part: Tensor, like: Tensor) -> Tensor:
    """The full tensor whose local part (laid out like the weight `like`) is given; all processes must call."""
    if not is_spread(like):
        return part.detach()
    from torch.distributed.tensor import DTensor

    spread = DTensor.from_local(
        part.detach(), like.device_mesh, like.placements, run_check=False, shape=like.shape, stride=like.stride()
    )
    return spread.full_tensor()


def part_of(full: Tensor, like: Tensor) -> Tensor:
    """This process's part of a full tensor, laid out like the weight `like`."""
    full = full.to(like.device)
    if not is_spread(like):
        return full
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(full, like.device_mesh, like.placements).to_local()


def unsharded(model: GeometryModel) -> GeometryModel:
    """The model with whole weights: itself, or a new one where FSDP2 has spread them; all processes must call."""
    if not any(is_spread(weight) for weight in model.parameters()):
        return model
    state = {name: whole(local(value), value) for name, value in model.state_dict().items()}
    fresh = GeometryModel(model.config).to(model.device)
    fresh.load_state_dict(state)
    return fresh.train(model.training)


def join(device: str, strategy: str) -> tuple[Parallel, str]:
    """Meet the other processes that torchrun started, if any; returns this process's place and its device."""
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    if world_size == 1:
        return Parallel(strategy=strategy), device
    if device.startswith("cuda"):
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.startswith("cuda") else "gloo", timeout=PATIENCE)
    return Parallel(dist.get_rank(), world_size, strategy), device
