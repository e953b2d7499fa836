"""How long people wait for a proposed pose, and how good it is: snap and try-others on scenes whose pose is known.

The fit alone, as the assist worker does it for a task that it has at hand; asking it costs some 3 ms more.
"""

import time
from statistics import median, quantiles
from typing import Any

from engine.alignment.fitting import Fit
from engine.alignment.initial_pose import initial_pose
from engine.alignment.pose_agreement import ADD_S_BAR, PosedMesh
from tests.posed_scenes import CAMERA, posed_scene
from training_loop.shape_library import CATEGORIES

SCENES = 30


def measure() -> dict[str, Any]:
    """Fit one instance of every second or third category."""
    snap_ms: list[float] = []
    others_ms: list[float] = []
    reached = {"first_pose": 0, "snap": 0, "best_other": 0, "any_other": 0}
    names = CATEGORIES[:: max(1, len(CATEGORIES) // SCENES)][:SCENES]
    for name in names:
        scene = posed_scene(name, seed=1)
        mesh = PosedMesh(scene.vertices_object, scene.faces)
        start = initial_pose(points_camera=scene.points_camera, mask=scene.mask, intrinsics=CAMERA, up=scene.up)
        if start is None:
            raise RuntimeError(f"the scene {name} has no points")
        fit = Fit(**scene.of_fit)  # type: ignore[arg-type]  # its own keywords
        fit.snap(start)  # builds the search tree
        began = time.perf_counter()
        snapped = fit.snap(start)
        snap_ms.append(1000 * (time.perf_counter() - began))
        began = time.perf_counter()
        others = fit.others(start, up=scene.up)
        others_ms.append(1000 * (time.perf_counter() - began))
        agree = [mesh.compare(pose, scene.pose).agrees for pose in others]
        reached["first_pose"] += mesh.compare(start, scene.pose).agrees
        reached["snap"] += mesh.compare(snapped, scene.pose).agrees
        reached["best_other"] += bool(agree and agree[0])
        reached["any_other"] += any(agree)
    return {
        "scenes": len(names),
        "add_s_bar": ADD_S_BAR,
        "scenes_within_the_bar": reached,
        "snap_ms": _summary(snap_ms),
        "try_others_ms": _summary(others_ms),
    }


def _summary(values: list[float]) -> dict[str, float]:
    return {"p50": round(median(values), 1), "p95": round(quantiles(values, n=20)[-1], 1)}
