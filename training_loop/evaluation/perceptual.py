"""Plug-ins: similarity of a shape and its picture by networks that are not part of this package (ULIP, Uni3D).

A plug-in is a class with `load` and `score`, named by an entry point in the group `lathe.shape_image_metrics` or by
`module:Class`. Which weights it loads is said on the command line: `--metric uni3d=weights/uni3d.safetensors`.

Source: paper section D.3.1 (ISO3D): 8,192 surface points, similarity of their features with the image's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

ENTRY_POINT_GROUP = "lathe.shape_image_metrics"
POINTS = 8_192


class MetricPluginError(ValueError):
    """A plug-in that does not exist, does not load or does not answer with a number."""


@runtime_checkable
class ShapeImageMetric(Protocol):
    """Scores a shape against a picture; more is better."""

    @classmethod
    def load(cls, weights: Path, *, device: str) -> Self:
        """Read the weights."""

    def score(self, points: NDArray[np.float32], image: NDArray[np.uint8]) -> float:
        """Similarity of (8192, 3) surface points fitted to [-1, 1] and an (H, W, 3) picture."""


@dataclass(frozen=True)
class MetricRequest:
    """`name=weights` of the command line."""

    name: str
    weights: Path

    @staticmethod
    def parse(text: str) -> "MetricRequest":
        """Read NAME=WEIGHTS.

        Raises:
            MetricPluginError: there is no '=' in it.
        """
        name, separator, weights = text.partition("=")
        if not (name and separator and weights):
            raise MetricPluginError(f"--metric wants NAME=WEIGHTS, got {text!r}")
        return MetricRequest(name, Path(weights))

    @property
    def column(self) -> str:
        """Name of the metric in reports."""
        return self.name.rpartition(":")[2].lower()


def load_metric(request: MetricRequest, *, device: str = "cpu") -> ShapeImageMetric:
    """Find the plug-in and have it load its weights.

    Raises:
        MetricPluginError: there is no such plug-in or file, or it does not load.
    """
    if not request.weights.exists():
        raise MetricPluginError(f"{request.name}: there are no weights at {request.weights}")
    plugin = _find(request.name)
    try:
        metric = plugin.load(request.weights, device=device)
    except Exception as error:
        raise MetricPluginError(f"{request.name} does not load {request.weights}: {error}") from error
    if not isinstance(metric, ShapeImageMetric):
        raise MetricPluginError(f"{request.name} has no score(points, image)")
    return metric


def _find(name: str) -> Any:
    if ":" in name:
        module, _, attribute = name.partition(":")
        try:
            return getattr(import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise MetricPluginError(f"there is no metric {name}: {error}") from error
    installed: Sequence[Any] = list(entry_points(group=ENTRY_POINT_GROUP))
    for entry in installed:
        if entry.name == name:
            return entry.load()
    names = ", ".join(sorted(entry.name for entry in installed)) or "none is installed"
    raise MetricPluginError(f"there is no metric {name!r} (installed: {names}); or give module:Class")
