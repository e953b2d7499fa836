"""Seconds and peak memory of measuring one pair with a million points, each part by itself (paper D.3).

Processor seconds are given next to those of the clock: on a machine with other work, they say more.

Pairs are built from the shape library: a shape and its turned, rough copy, and two shapes of different kinds, whose
points lie far from each other. Everything runs in a process of its own, whose peak memory is reported.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

POINTS = 1_000_000


def measure() -> dict[str, Any]:
    """Measure in a fresh process, so that nobody else's memory counts."""
    code = "import json; from benchmarks.evaluation import measure_here; print(json.dumps(measure_here()))"
    result = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(result.stdout)
    return figures


def measure_here() -> dict[str, Any]:
    """Measure in this process."""
    pairs = {name: _measure_pair(*pair) for name, pair in _pairs().items()}
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"points": POINTS, "pairs": pairs, "peak_memory_gb": round(peak_bytes / 1e9, 2)}


def _pairs() -> dict[str, tuple[Any, Any]]:
    import numpy as np

    from training_loop.evaluation.meshes import Surface, surface_of
    from training_loop.shape_library import build_shape

    mug, chair = (surface_of(build_shape(category, 0).mesh) for category in ("mug", "chair"))
    quarter = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    rough = np.random.default_rng(0).normal(scale=0.003, size=mug.vertices.shape)
    return {"alike": (Surface((mug.vertices + rough) @ quarter.T, mug.faces), mug), "different": (mug, chair)}


def _measure_pair(predicted: Any, truth: Any) -> dict[str, float]:
    from training_loop.evaluation.earth_mover import earth_mover_distance
    from training_loop.evaluation.layout_metrics import compare_layouts
    from training_loop.evaluation.meshes import fitted, sample_surface
    from training_loop.evaluation.shape_metrics import compare_surfaces

    ours, theirs = (sample_surface(fitted(surface), POINTS, 0).points for surface in (predicted, truth))
    parts: dict[str, Callable[[], object]] = {
        "shape_without_emd": lambda: compare_surfaces(predicted, truth, points=POINTS, emd_cells=None),
        "emd": lambda: earth_mover_distance(ours, theirs),
        "layout": lambda: compare_layouts(predicted, truth, points=POINTS),
    }
    figures = {}
    for name, part in parts.items():
        started, spent = time.perf_counter(), time.process_time()
        part()
        figures[f"{name}_seconds"] = round(time.perf_counter() - started, 2)
        figures[f"{name}_cpu_seconds"] = round(time.process_time() - spent, 2)
    return figures
