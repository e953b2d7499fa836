"""The training loop: one step after another, guarded, averaged, logged and resumable.

A stage gives the loss of step k as a function of k and its seed alone: a resumed run equals an uninterrupted one.
"""

import json
import math
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from training_loop.precision import autocast
from training_loop.recipes import OptimiserConfig

ProgressCallback = Callable[[int, int, Mapping[str, float]], None]
"""(step, total steps, metrics) after every step."""


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


class Stage(Protocol):
    """What is trained and how its loss is computed."""

    name: str

    def parameters(self) -> Iterable[nn.Parameter]:
        """Weights that the optimizer moves."""
        ...

    def loss(self, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of a step and what to log; depends on the step, the seed and the weights alone."""
        ...


class ProgressLog:
    """JSON lines, one a step, and the caller's callback."""

    def __init__(self, path: Path, on_progress: ProgressCallback | None, *, total_steps: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.on_progress, self.total_steps = path, on_progress, total_steps
        self.offset = 0

    def event(self, **values: object) -> None:
        """Write one line."""
        with self.path.open("a") as file:
            file.write(json.dumps(values) + "\n")

    def step(self, stage: str, step: int, metrics: Mapping[str, float]) -> None:
        """Write one step of a stage; steps of earlier stages count for the caller's total."""
        self.event(stage=stage, step=step, **metrics)
        if self.on_progress is not None:
            self.on_progress(self.offset + step, self.total_steps, metrics)


class Trainer:
    """AdamW without decay, warm-up, clipping, EMA; see `fit`."""

    def __init__(
        self,
        stage: Stage,
        *,
        optimiser: OptimiserConfig,
        steps: int,
        log: ProgressLog,
        precision: str = "auto",
        state_path: Path | None = None,
        save_every_steps: int = 100,
        fingerprint: str = "",
    ) -> None:
        self.stage, self.config, self.steps, self.log = stage, optimiser, steps, log
        self.precision, self.fingerprint = precision, fingerprint
        self.state_path, self.save_every_steps = state_path, save_every_steps
        self.weights = [weight for weight in stage.parameters() if weight.requires_grad]
        self.average = [weight.detach().clone() for weight in self.weights]
        self.optimiser = torch.optim.AdamW(self.weights, lr=1.0, betas=optimiser.betas, weight_decay=0.0, fused=True)
        self.step = 0
        if state_path is not None and state_path.exists():
            self.load_state(state_path)

    def fit(self) -> dict[str, float]:
        """Train to the last step, leave the averaged weights in place and return the last metrics.

        Raises:
            Diverged: before the update of the step whose loss or gradient is not finite.
        """
        metrics: dict[str, float] = {}
        while self.step < self.steps:
            started = time.monotonic()
            with autocast(self.weights[0].device, self.precision):
                loss, logged = self.stage.loss(self.step)
            metrics = {"loss": loss.item(), **{name: value.item() for name, value in logged.items()}}
            self._stop_unless_finite(metrics)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            metrics["gradient_norm"] = nn.utils.clip_grad_norm_(self.weights, self.config.gradient_clip).item()
            self._stop_unless_finite(metrics)
            metrics["learning_rate"] = self._set_learning_rate()
            self.optimiser.step()
            self._update_average()
            self.step += 1
            metrics["seconds"] = time.monotonic() - started
            self.log.step(self.stage.name, self.step, metrics)
            if self.state_path is not None and (self.step % self.save_every_steps == 0 or self.step == self.steps):
                self.save_state(self.state_path)
        with torch.no_grad():
            for weight, average in zip(self.weights, self.average, strict=True):
                weight.copy_(average)
        return metrics

    def _stop_unless_finite(self, metrics: Mapping[str, float]) -> None:
        if not all(math.isfinite(value) for value in metrics.values()):
            self.optimiser.zero_grad(set_to_none=True)
            self.log.event(stage=self.stage.name, step=self.step, diverged={k: repr(v) for k, v in metrics.items()})
            raise Diverged(self.step, metrics)

    def _set_learning_rate(self) -> float:
        config = self.config
        rate = config.learning_rate * min(1.0, (self.step + 1) / max(config.warmup_steps, 1))
        if config.schedule == "cosine":
            rate *= 0.5 * (1 + math.cos(math.pi * self.step / self.steps))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        return rate

    def _update_average(self) -> None:
        # Early on the average forgets faster, or it would remember the initial weights for ever.
        decay = min(self.config.ema_decay, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(self.average, [weight.detach() for weight in self.weights], 1 - decay)

    def save_state(self, path: Path) -> None:
        """Write what a resumed run needs, whole or not at all."""
        state = {
            "fingerprint": self.fingerprint,
            "step": self.step,
            "weights": [weight.detach() for weight in self.weights],
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
        }
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    def load_state(self, path: Path) -> None:
        """Continue from `save_state`.

        Raises:
            ResumeError: the state was written by a run with another recipe, seed, parent or data.
        """
        state = torch.load(path, weights_only=True, map_location=self.weights[0].device)
        if state["fingerprint"] != self.fingerprint:
            raise ResumeError(
                f"{path} holds the state of another run (recipe, seed, parent or data differ); "
                "use another output folder, or delete the file to start anew"
            )
        with torch.no_grad():
            for weight, saved in zip(self.weights, state["weights"], strict=True):
                weight.copy_(saved)
        self.average = list(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]
