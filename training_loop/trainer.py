"""The training loop: one step after another, guarded, averaged, logged and resumable.

A stage draws step k from k and its seed alone, so a resumed run equals an uninterrupted one. Between two flushes of the
log nothing waits for the device: losses and norms stay there, and so does the guard against what is not finite.
"""

import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training_loop.batches import prefetch, to_device
from training_loop.data import ReadReport
from training_loop.parallel import Parallel, local, part_of, whole
from training_loop.precision import autocast
from training_loop.progress import ProgressLog
from training_loop.recipe import OptimiserConfig
from training_loop.recorded_step import RecordedStep
from training_loop.stages import Stage

PREFETCH = 3
LINEAR_END_SHARE = 0.4


class Diverged(RuntimeError):
    """A loss or gradient was not finite; the weights are those before the step."""

    def __init__(self, step: int, values: Mapping[str, float]) -> None:
        listed = ", ".join(f"{name}={value:g}" for name, value in values.items())
        super().__init__(
            f"training diverged at step {step}: {listed}; nothing was updated in this step. "
            "Lower optimiser.learning_rate, or look at the batch's data"
        )
        self.step, self.values = step, dict(values)


class ResumeError(RuntimeError):
    """The saved state belongs to another run."""


class Trainer:
    """AdamW without decay, warm-up, clipping, EMA; see `fit`.

    Args:
        stage: what to train; its weights must be on the device to train on.
        micro_batch_size: rows that one forward pass takes; gradients of a larger share are accumulated. 0 is no limit.
        cuda_graph: record forward and backward pass once and replay them, on a CUDA device where one process takes its
            rows at once; elsewhere it changes nothing.
        flush_every_steps: how often metrics are fetched from the device, checked and written (a line for every step).
        parallel: this process's place among others.
        report: what reading the data has skipped so far; saved and restored with the state.
        state_path: where to save what a resumed run needs; read at once where it exists.
        fingerprint: names the run; a state with another one is refused.
        seconds: train for so long instead of `steps`, which is then a first guess: after every flush the rest is
            planned anew at the pace so far, and the learning rate's schedule with it. Not reproducible to the bit.
        on_flush: called with this trainer after every flush, by all processes.
    """

    def __init__(
        self,
        stage: Stage,
        *,
        optimiser: OptimiserConfig,
        steps: int,
        log: ProgressLog,
        precision: str = "auto",
        micro_batch_size: int = 0,
        cuda_graph: bool = False,
        flush_every_steps: int = 1,
        state_path: Path | None = None,
        save_every_steps: int = 100,
        fingerprint: str = "",
        parallel: Parallel | None = None,
        report: ReadReport | None = None,
        seconds: float | None = None,
        on_flush: "Callable[[Trainer], None] | None" = None,
    ) -> None:
        self.stage, self.config, self.steps, self.log = stage, optimiser, steps, log
        self.precision, self.fingerprint = precision, fingerprint
        self.flush_every_steps, self.seconds, self.on_flush = flush_every_steps, seconds, on_flush
        self.state_path, self.save_every_steps = state_path, save_every_steps
        self.parallel, self.report = parallel or Parallel(), report or ReadReport()
        self.rows = self.parallel.rows(stage.batch_size, micro_batch_size)
        self.module = self.parallel.wrap(stage.trained(), stage.loss)
        self.names, self.weights = self._weights()
        self.device = self.weights[0].device
        # Plain tensors: of sharded weights this process's part, of others the weights themselves.
        self.parts = [nn.Parameter(local(w)) if self.parallel.is_sharded else w for w in self.weights]
        self.average = [part.detach().clone() for part in self.parts]
        self.optimiser = torch.optim.AdamW(self.parts, lr=1.0, betas=optimiser.betas, weight_decay=0.0, fused=True)
        # Once above zero it stays there, and the fused optimizer updates nothing: no host has to look in between.
        self.diverged = torch.zeros((), device=self.device)
        self.cuda_graph = cuda_graph and self.device.type == "cuda" and self.parallel.world_size == len(self.rows) == 1
        self.recorded: RecordedStep | None = None
        self.pending: list[tuple[int, float, dict[str, Tensor]]] = []
        self.step = 0
        if state_path is not None and state_path.exists():
            self.load_state(state_path)

    def fit(self) -> dict[str, float]:
        """Train to the last step, leave the averaged weights in place and return the last metrics.

        Raises:
            Diverged: a loss or gradient was not finite; neither that step nor a later one changed a weight.
        """
        metrics: dict[str, float] = {}
        if self.cuda_graph and self.step < self.steps:
            first = to_device(self.stage.draw(self.step, self.rows[0]), self.device)
            self.recorded = RecordedStep(self.module, self.weights, first, precision=self.precision)
        batches = self._batches()
        self.started_at = self.flushed_at = time.monotonic()
        self.first_step = self.step
        while self.step < self.steps:
            loss, logged = self._forward_and_backward(batches)
            norm = self._clip_gradients()
            self.diverged = torch.maximum(self.diverged, (~torch.isfinite(loss + norm)).float())
            rate = self._update_weights()
            self.step += 1
            self.pending.append((self.step, rate, {"loss": loss, "gradient_norm": norm, **logged}))
            ended = self.step == self.steps
            saving = self.state_path is not None and (ended or self.step % self.save_every_steps == 0)
            if ended or saving or self.step % self.flush_every_steps == 0:
                metrics = self._flush()
                if self.seconds is not None:
                    self.steps = self._planned(self.seconds)
                if self.on_flush is not None:
                    self.on_flush(self)
            if self.state_path is not None and saving:
                self.save_state(self.state_path)
        with torch.no_grad():
            torch._foreach_copy_([part.detach() for part in self.parts], self.average)
        return metrics

    def _batches(self) -> Iterator[Any]:
        steps = range(self.step, self.steps) if self.seconds is None else itertools.count(self.step)
        plan = ((step, rows) for step in steps for rows in self.rows)
        return prefetch(self.stage.draw, plan, self.device, depth=PREFETCH if self.device.type == "cuda" else 0)

    def _forward_and_backward(self, batches: Iterator[Any]) -> tuple[Tensor, dict[str, Tensor]]:
        """Gradients of the mean loss over the global batch; returns that loss, and the last piece's other metrics."""
        if self.recorded is not None:
            return self.recorded(next(batches))
        total, logged = torch.zeros((), device=self.device), {}
        own = sum(len(rows) for rows in self.rows)
        for rows in self.rows:
            batch = next(batches)
            with self.parallel.accumulating(self.module, last=rows is self.rows[-1]):
                with autocast(self.device, self.precision):
                    loss, logged = self.module(batch)
                loss = loss * (len(rows) / own)
                loss.backward()
            total += loss.detach()
        return self.parallel.mean(total), logged

    def _clip_gradients(self) -> Tensor:
        gradients = []
        for weight, part in zip(self.weights, self.parts, strict=True):
            if part is not weight:
                part.grad = None if weight.grad is None else local(weight.grad)
            if part.grad is not None:
                gradients.append(part.grad)
        norm = self.parallel.gradient_norm(gradients)
        torch._foreach_mul_(gradients, (self.config.gradient_clip / (norm + 1e-6)).clamp(max=1.0))
        return norm

    def _update_weights(self) -> float:
        rate = self._learning_rate()
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        # The hook by which gradient scalers make fused optimizers skip a step on the device.
        self.optimiser.found_inf = self.diverged  # type: ignore[attr-defined]
        self.optimiser.step()
        for tensor in [*self.weights, *self.parts]:
            tensor.grad = None
        # Early on the average forgets faster, or it would remember the initial weights for ever.
        decay = min(self.config.ema_decay, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(self.average, [part.detach() for part in self.parts], 1 - decay)
        return rate

    def _learning_rate(self) -> float:
        rate = self.config.learning_rate * min(1.0, (self.step + 1) / max(self.config.warmup_steps, 1))
        share = min(1.0, self.step / self.steps)
        if self.config.schedule == "cosine":
            rate *= 0.5 * (1 + math.cos(math.pi * share))
        elif self.config.schedule == "linear_end":
            rate *= min(1.0, (1 - share) / LINEAR_END_SHARE)
        return rate

    def _flush(self) -> dict[str, float]:
        """Fetch the metrics of the steps since the last flush in one go, check and write them."""
        names = [list(values) for _, _, values in self.pending]
        flat = [value.detach().float().flatten() for _, _, values in self.pending for value in values.values()]
        fetched = iter(torch.split(torch.cat(flat).cpu(), [len(value) for value in flat]))
        seconds = (time.monotonic() - self.flushed_at) / len(self.pending)
        scalars: dict[str, float] = {}
        for (step, rate, values), listed in zip(self.pending, names, strict=True):
            numbers: dict[str, Any] = {name: next(fetched).reshape(values[name].shape).tolist() for name in listed}
            scalars = {name: value for name, value in numbers.items() if isinstance(value, float)}
            # These two are the same in all processes, so that all stop at the same step.
            if not math.isfinite(scalars["loss"] + scalars["gradient_norm"]):
                self.step = step - 1
                self.log.event(stage=self.stage.name, step=self.step, diverged={k: repr(v) for k, v in scalars.items()})
                raise Diverged(self.step, scalars)
            scalars |= {"learning_rate": rate, "seconds": seconds}
            self.log.step(self.stage.name, step, numbers | scalars)
        self.pending.clear()
        self.flushed_at = time.monotonic()
        return scalars

    def _planned(self, seconds: float) -> int:
        """The last step that fits into the time, as the first process sees it: all must end at the same one."""
        passed = time.monotonic() - self.started_at
        planned = self.step + max(0, int((seconds - passed) * (self.step - self.first_step) / passed))
        return int(self.parallel.gather(planned)[0])

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The averaged weights in place of the trained ones, for as long as the body runs."""
        kept = [part.detach().clone() for part in self.parts]
        with torch.no_grad():
            torch._foreach_copy_([part.detach() for part in self.parts], self.average)
            try:
                yield
            finally:
                torch._foreach_copy_([part.detach() for part in self.parts], kept)

    def _weights(self) -> tuple[list[str], list[nn.Parameter]]:
        trained = [(n, module) for n, module in self.stage.trained().items()]
        named = [(f"{n}.{name}", weight) for n, module in trained for name, weight in module.named_parameters()]
        kept = [(name, weight) for name, weight in named if weight.requires_grad]
        return [name for name, _ in kept], [weight for _, weight in kept]

    def save_state(self, path: Path) -> None:
        """Write what a resumed run needs, whole or not at all; whole tensors, so that any layout can read them."""
        moments = [self.optimiser.state.get(part, {}) for part in self.parts]
        kept: dict[str, dict[str, Any]] = {}
        for name, weight, part, average, moment in zip(
            self.names, self.weights, self.parts, self.average, moments, strict=True
        ):
            tensors = {"weight": part, "average": average}
            tensors |= {key: value for key, value in moment.items() if key != "step"}
            full = {key: whole(value, weight) for key, value in tensors.items()}
            if self.parallel.is_first:
                kept[name] = {key: value.cpu() for key, value in full.items()}
                kept[name] |= {"updates": float(moment["step"])} if moment else {}
        reports = self.parallel.gather(self.report.state())
        if self.parallel.is_first:
            partial = path.with_suffix(".partial")
            state = {"fingerprint": self.fingerprint, "step": self.step, "weights": kept, "reports": reports}
            torch.save(state, partial)
            partial.replace(path)
        self.parallel.wait_for_all()

    def load_state(self, path: Path) -> None:
        """Continue from `save_state`, whatever number of processes wrote it.

        Raises:
            ResumeError: the state was written by a run with another recipe, seed, parent or data.
        """
        state = torch.load(path, weights_only=True, map_location="cpu", mmap=True)
        if state.get("fingerprint") != self.fingerprint or set(state["weights"]) != set(self.names):
            raise ResumeError(
                f"{path} holds the state of another run (recipe, seed, parent or data differ); "
                "use another output folder, or delete the file to start anew"
            )
        with torch.no_grad():
            for name, weight, part, average in zip(self.names, self.weights, self.parts, self.average, strict=True):
                saved = state["weights"][name]
                part.copy_(part_of(saved["weight"], weight))
                average.copy_(part_of(saved["average"], weight))
                if "updates" in saved:
                    self.optimiser.state[part] = {
                        "step": torch.tensor(saved["updates"], dtype=torch.float32, device=self.device),
                        "exp_avg": part_of(saved["exp_avg"], weight).clone(),
                        "exp_avg_sq": part_of(saved["exp_avg_sq"], weight).clone(),
                    }
        self.report.restore(state["reports"])
        self.step = state["step"]
