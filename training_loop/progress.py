"""What a run says while it goes: JSON lines, TensorBoard where it is installed, and the caller's callback."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

ProgressCallback = Callable[[int, int, Mapping[str, float]], None]
"""(step, total steps, metrics) after every step."""


class ProgressLog:
    """One line a step in `path`, and the same scalars as TensorBoard events in `events`.

    In a run of several processes only the first writes: give the others `path=None`.
    """

    def __init__(
        self, path: Path | None, on_progress: ProgressCallback | None, *, total_steps: int, events: Path | None = None
    ) -> None:
        self.path, self.on_progress, self.total_steps = path, on_progress, total_steps
        self.offset = 0
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self.events = None if events is None or path is None else self._open_events(events)

    def event(self, **values: object) -> None:
        """Write one line."""
        if self.path is not None:
            with self.path.open("a") as file:
                file.write(json.dumps(values) + "\n")

    def step(self, stage: str, step: int, metrics: Mapping[str, float | Sequence[Any]]) -> None:
        """Write one step of a stage; steps of earlier stages count for the caller's total."""
        if self.path is None:
            return
        self.event(stage=stage, step=step, **metrics)
        scalars = {name: value for name, value in metrics.items() if isinstance(value, float)}
        if self.events is not None:
            for name, value in scalars.items():
                self.events.add_scalar(f"{stage}/{name}", value, step)
        if self.on_progress is not None:
            self.on_progress(self.offset + step, self.total_steps, scalars)

    def close(self) -> None:
        """Write what TensorBoard still holds back."""
        if self.events is not None:
            self.events.close()

    def _open_events(self, folder: Path) -> Any:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            logger.warning("no TensorBoard events are written: pip install tensorboard; progress.jsonl has every step")
            self.event(tensorboard="not installed")
            return None
        return SummaryWriter(str(folder))
