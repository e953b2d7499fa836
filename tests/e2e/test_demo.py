"""The main job as a newcomer runs it, in small: killed in the middle with everything that it started, and run again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.embedded.places import CHECKOUT

SHORT = {"steps": 2, "batch_size": 4, "regression.count": 2}
SMALL = {
    "max_rounds": 1,
    "suite": {"text_to_3d": 1, "image_to_3d": 1, "sam3d": 2},
    "sft": {"recipe": "mini_sft", "overrides": SHORT | {"library.count": 8}},
    "dpo": {"recipe": "mini_dpo", "overrides": SHORT},
    "evaluation": {"heldout_count": 2, "real_targets": 0},
    "gate": [{"metric": "voxel_iou", "tolerance": 1.0}],
    "forgetting_tolerance": 1.0,
}


@pytest.fixture
def demo(tmp_path: Path) -> Iterator["Demo"]:
    running = Demo(tmp_path / "var")
    yield running
    running.stop_everything()


class Demo:
    """`python -m scripts.demo` in a folder of its own."""

    def __init__(self, var: Path) -> None:
        self.var = var
        unset = ("DATABASE_URL", "CELERY_BROKER_URL", "LATHE_STORAGE_URL", "DJANGO_SETTINGS_MODULE")
        kept = {name: value for name, value in os.environ.items() if name not in unset}
        self.environment = {**kept, "LATHE_VAR": str(var), "CI": "true"}

    def start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "scripts.demo", "--turns=1", "--targets=3", "--proposals=2", "--voted=1"]
        command.append(f"--settings={json.dumps(SMALL)}")
        return subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def report(self) -> dict[str, Any]:
        return dict(json.loads((self.var / "demo" / "report.json").read_text()))

    def own_processes(self) -> list[psutil.Process]:
        """Web server and workers, not the embedded services."""
        mine = []
        for process in psutil.process_iter():
            try:
                words = " ".join(process.cmdline())
                if process.environ().get("LATHE_VAR") == str(self.var) and "postgres" not in words:
                    mine.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return [process for process in mine if "redis-server" not in process.name()]

    def stop_everything(self) -> None:
        for process in self.own_processes():
            process.kill()
        subprocess.run([sys.executable, "-m", "engine.embedded.stop"], cwd=CHECKOUT, env=self.environment, check=False)


@pytest.mark.timeout(420)
def test_a_demo_killed_while_collecting_finishes_the_same_iteration_without_duplicates(demo: Demo) -> None:
    first = demo.start()
    assert first.stdout is not None
    for line in first.stdout:
        if "collecting" in line:
            break
    time.sleep(2)
    for process in [psutil.Process(first.pid), *demo.own_processes()]:
        if process.is_running():
            process.send_signal(signal.SIGKILL)
    first.communicate()

    second = demo.start()
    output, _ = second.communicate()
    assert second.returncode == 0, output[-3000:]

    report = demo.report()
    assert [row["number"] for row in report["iterations"]] == [1]
    assert report["iterations"][0]["step"] == "done"
    assert report["images"] == len({"mug", "motorcycle", "rocket", "cat", "cameraman"})
    assert report["targets"]["total"] == 3 + 2
    assert report["masks"] == {
        "proposed": 2,
        "by_verdict": {"discard": 1, "refine": 1},
        "discarded_for": {"several_objects": 1},
    }
    assert report["targets"]["by_state"]["discarded"] == 1
    stages = {version["stage"]: version for version in report["model_versions"]}
    (vote,) = report["evaluations"]
    assert vote["name"] == f"inflated outline against {stages['pretrain']['name']}"
    assert stages["sft"]["parent"] == stages["pretrain"]["name"]
    assert stages["dpo"]["parent"] == stages["sft"]["name"]
    assert [version["name"] for version in report["model_versions"] if version["promoted"]] == [stages["dpo"]["name"]]
    snapshot = report["snapshots"][0]
    made_by_artists = report["artist_jobs"]["by_state"].get("accepted", 0)
    assert snapshot["positives"] == report["selections"]["accepted"] + made_by_artists >= 1
    groups = [group for group in report["candidates"]["groups"] if group["iteration"] == 1]
    made = {group["generator"]: group["count"] for group in groups if group["modality"] == "shape"}
    assert (made["text_to_3d"], made["image_to_3d"]) == (4, 4), "one for each verified target, none twice"
    assert made.get("sam3d", 0) <= 2 * 4
    assert report["alignments"]["posed"] >= 1
    assert report["alignments"]["scored"] == report["alignments"]["posed"]
    posed_shapes = report["targets"]["by_state"]["done"]
    coats = {group["generator"]: group["count"] for group in groups if group["modality"] == "texture"}
    assert coats["palette"] == posed_shapes, "one for each posed shape, none twice"
    assert 1 <= coats["image_to_3d"] <= 2 * posed_shapes
    assert 1 <= report["texture_selections"]["rated"] == snapshot["counts"]["textures"]["kept"] <= posed_shapes
