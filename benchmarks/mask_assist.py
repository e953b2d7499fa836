"""How long an annotator waits for help with a mask: the segmenter on one megapixel, and the way through the API.

    python -m benchmarks mask_assist

Milliseconds by kind of prompt, on the built-in photographs enlarged to one megapixel; the same at the size of a
photograph of 50 megapixels; and what broker and worker add, with a real segment worker.
"""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

from engine.contracts.assist import AssistReply, AssistRequest, Box, Click, Prompts, Stroke
from engine.contracts.blobs import BlobRef
from engine.contracts.masks import encode_mask
from engine.contracts.serialisation import from_json, to_json
from model_workers.assist import segment
from model_workers.segmenters.grabcut import GrabCut

MEGAPIXEL = 1_000_000
LARGE = (5774, 8660)  # height and width of 50 megapixels
ROUNDS = 5


def pictures() -> list[NDArray[np.uint8]]:
    """Built-in photographs at one megapixel."""
    load: tuple[Any, ...] = (skimage.data.coffee, skimage.data.astronaut, skimage.data.chelsea)
    return [_resized(picture(), MEGAPIXEL) for picture in load]


def prompts_of(height: int, width: int) -> dict[str, Prompts]:
    """What people do, around the middle of a picture."""
    x, y = width / 2, height / 2
    click = Click(x=x, y=y, positive=True)
    box = Box(left=0.25 * width, top=0.15 * height, right=0.75 * width, bottom=0.85 * height)
    mask = np.zeros((height, width), dtype=np.bool_)
    mask[int(0.3 * height) : int(0.7 * height), int(0.35 * width) : int(0.65 * width)] = True
    further = tuple(
        Click(x=x + 0.1 * width * step, y=y - 0.1 * height * step, positive=step % 2 == 0) for step in range(1, 5)
    )
    line = Stroke(points=((x - 80, y), (x, y + 40), (x + 80, y)), radius=6, positive=True)
    return {
        "one click": Prompts(clicks=(click,)),
        "five clicks": Prompts(clicks=(click, *further)),
        "box": Prompts(box=box),
        "box and a click": Prompts(box=box, clicks=(further[0],)),
        "stroke": Prompts(strokes=(line,)),
        "correcting click": Prompts(clicks=(further[0],), prior=encode_mask(mask)),
    }


def measure_segmenter(*, height: int = 0, width: int = 0) -> dict[str, dict[str, float]]:
    """Milliseconds by kind of prompt, decoding aside; at the size of the picture unless another one is given.

    `core_…` is processor time: what it would be on a machine that does nothing else.
    """
    segmenter = GrabCut()
    wall: dict[str, list[float]] = {}
    core: dict[str, list[float]] = {}
    for picture in pictures():
        shape = (height or picture.shape[0], width or picture.shape[1])
        for name, prompts in prompts_of(*shape).items():
            request = AssistRequest(BlobRef("0" * 64, "image/png", 1), shape[1], shape[0], prompts)
            for _ in range(ROUNDS):
                started, worked = time.perf_counter(), time.process_time()
                segment(segmenter, picture, request)
                core.setdefault(name, []).append(1000 * (time.process_time() - worked))
                wall.setdefault(name, []).append(1000 * (time.perf_counter() - started))
    everything = {"all": [value for values in wall.values() for value in values]}
    everything_core = {"all": [value for values in core.values() for value in values]}
    return {
        name: summary(values) | {f"core_{key}": value for key, value in summary((core | everything_core)[name]).items()}
        for name, values in (wall | everything).items()
    }


def measure_asking() -> dict[str, dict[str, float]]:
    """Milliseconds that broker and worker add to the segmenter's own; the first answer is left out."""
    from engine.asking import ask
    from engine.contracts.assist import SEGMENT_TASK
    from engine.embedded.celery_app import configured_broker_url
    from engine.storage.blobs import open_store
    from tests.segmenting import segment_worker

    with tempfile.TemporaryDirectory() as folder:
        storage_url = (Path(folder) / "blobs").as_uri()
        picture = pictures()[0]
        encoded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()
        ref = open_store(storage_url, var=Path(folder)).put(encoded, media_type="image/jpeg")
        height, width = picture.shape[:2]
        requests = [
            AssistRequest(ref, width, height, prompts)
            for _ in range(4)
            for prompts in prompts_of(height, width).values()
        ]
        added, whole = [], []
        with segment_worker(
            broker_url=configured_broker_url(), storage_url=storage_url, log=Path(folder) / "worker.log"
        ):
            for request in requests:
                started = time.perf_counter()
                answer = ask(SEGMENT_TASK, timeout_seconds=30.0, message=to_json(request))
                whole.append(1000 * (time.perf_counter() - started))
                added.append(whole[-1] - from_json(AssistReply, answer).duration_ms)
    return {"added": summary(added[1:]), "whole": summary(whole[1:])}


def measure() -> dict[str, Any]:
    """Everything."""
    height, width = LARGE
    return {
        "grabcut_1_megapixel": measure_segmenter(),
        "grabcut_answer_at_50_megapixels": measure_segmenter(height=height, width=width),
        "through_broker_and_worker": measure_asking(),
    }


def _resized(picture: NDArray[np.uint8], pixels: int) -> NDArray[np.uint8]:
    scale = (pixels / (picture.shape[0] * picture.shape[1])) ** 0.5
    size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def summary(milliseconds: list[float]) -> dict[str, float]:
    """Median, 95th percentile and how many there are."""
    ordered = sorted(milliseconds)
    return {
        "p50_ms": round(statistics.median(ordered), 1),
        "p95_ms": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 1),
        "count": len(ordered),
    }
