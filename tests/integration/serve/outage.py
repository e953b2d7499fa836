"""A whole Lathe without its broker for more than a minute, while people go on working.

    python -m tests.integration.serve.outage FOLDER

It takes more than a minute whatever it does, so it runs in a process of its own beside other tests and leaves what it
found in FOLDER/found.json. Web server, engine worker and model worker are real and reach the broker by its address;
what people send goes over HTTP.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.redis_server import RedisServer

SECONDS_WITHOUT_BROKER = 62.0
LONGEST_WAIT_SECONDS = 120.0
PASSWORD = "a good password"


def main(folder: Path) -> None:
    """Set the stage, take the broker away, work, give it back, wait for everything, write down what there is."""
    broker = RedisServer(folder)
    broker.start()
    os.environ |= {
        "LATHE_VAR": str(folder / "var"),
        "CELERY_BROKER_URL": broker.url,
        "DJANGO_SETTINGS_MODULE": "engine.settings",
    }
    from engine.embedded import postgres
    from engine.serve.background import BackgroundLathe

    try:
        with BackgroundLathe(var=folder / "var") as lathe:
            import django

            django.setup()
            found = Scenario(lathe.url, broker, folder).play()
    except BaseException:
        (folder / "failed").touch()
        raise
    finally:
        postgres.stop()
        broker.stop()
    draft = folder / "found.draft"
    draft.write_text(json.dumps(found, indent=2))
    draft.replace(folder / "found.json")


class Scenario:
    """One annotator, four targets: two to choose shapes for, two proposals."""

    def __init__(self, url: str, broker: RedisServer, folder: Path) -> None:
        self.url = url
        self.broker = broker
        self.folder = folder
        self.acknowledged: list[str] = []

    def play(self) -> dict[str, Any]:
        from django.core.management import call_command

        from engine.generation import services as generation
        from engine.rehearsal.client import ApiClient
        from engine.workforce.models import Role
        from engine.workforce.people import create_person

        create_person(username="ada", password=PASSWORD, roles=[Role.ANNOTATOR])
        call_command("import_builtin", limit=2, verbosity=0)
        call_command("import_folder", str(self._proposals()), verbosity=0)
        generation.open_collection(iteration=1, alpha=0.5, suite={"text_to_3d": 1, "image_to_3d": 1}, max_rounds=2)
        generation.request_ready_targets()
        wait_until(lambda: states().count("selecting") == 2, "two targets with candidates")

        self.ada = ApiClient(base_url=self.url, username="ada", password=PASSWORD)
        self.broker.stop()
        stopped_at = time.monotonic()
        # Spread over the outage: at once, in the middle and at its end.
        self._choose(rating=0.1)
        self._verify_mask()
        time.sleep(SECONDS_WITHOUT_BROKER / 2)
        generation.request_ready_targets()
        self._choose(rating=0.9)
        self._verify_mask()
        time.sleep(max(0.0, stopped_at + SECONDS_WITHOUT_BROKER - time.monotonic()))
        generation.request_ready_targets()
        before = sorted(states())
        without_broker = time.monotonic() - stopped_at
        self.broker.start()

        # Rejected: a second round. Accepted: prepared, so that it can be posed. Verified: a first round each.
        wait_until(
            lambda: sorted(states()) == ["aligning", "selecting", "selecting", "selecting"], "candidates for all"
        )
        wait_until(lambda: bool(self.ada.post("/alignments/claim", label="claim")), "a shape to pose")
        return {
            "seconds_without_broker": without_broker,
            "states_before_it_came_back": before,
            "acknowledged": self.acknowledged,
            **stored(),
        }

    def _choose(self, *, rating: float) -> None:
        task = self.ada.post("/selections/claim", label="claim")
        while task["phase"] == "compare":
            body = {"token": task["token"], "answer": "left", "duration_ms": 900}
            task |= self.ada.post(f"/selections/{task['work_item']}/answer", body, label="answer")
        self._submit("selections", task, rating=rating, failure_reason="other" if rating < task["bar"] else "")

    def _verify_mask(self) -> None:
        self._submit("masks", self.ada.post("/masks/claim", label="claim"), verdict="verify")

    def _submit(self, room: str, task: dict[str, Any], **answer: Any) -> None:
        body = {"token": task["token"], "duration_ms": 1000, "guideline_version": "v1", **answer}
        self.ada.post(f"/{room}/{task['work_item']}/submit", body, label="submit")
        self.acknowledged.append(task["work_item"])

    def _proposals(self) -> Path:
        """Two photographs with a mask each, as a segmenter hands them in."""
        random = np.random.default_rng(0)
        for number in range(2):
            folder = self.folder / "proposals" / f"scene{number}"
            folder.mkdir(parents=True)
            Image.fromarray(random.integers(0, 255, (360, 480, 3), np.uint8)).save(folder / "image.png")
            mask = np.zeros((360, 480), np.uint8)
            mask[90:270, 150:330] = 255
            Image.fromarray(mask).save(folder / "mask_00_mug.png")
        return self.folder / "proposals"


def states() -> list[str]:
    """The states of all targets."""
    from engine.sourcing.models import TargetObject

    return list(TargetObject.objects.values_list("state", flat=True))


def stored() -> dict[str, Any]:
    """What the engine knows in the end."""
    from engine.generation.models import Candidate, GenerationRequest, GenerationRun
    from engine.workforce.models import Judgement

    requests = GenerationRequest.objects.order_by("target_id", "round").values_list("target_id", "round")
    return {
        "judgements": [str(id_) for id_ in Judgement.objects.values_list("work_item_id", flat=True)],
        "rounds": [f"{target_id}/{round_number}" for target_id, round_number in requests],
        "runs": list(GenerationRun.objects.values_list("status", flat=True)),
        "seeds": sum(len(seeds) for seeds in GenerationRun.objects.values_list("seeds", flat=True)),
        "candidates": Candidate.objects.count(),
    }


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Ask again and again."""
    deadline = time.monotonic() + LONGEST_WAIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {what} after {LONGEST_WAIT_SECONDS:g} s; targets are {states()}")
        time.sleep(0.5)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))  # everything that was started ends with us
    main(Path(sys.argv[1]))
