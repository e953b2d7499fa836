"""Scripted annotators, reviewers and artists. They know nothing that the API does not say."""

import io
import random
import time
from collections import Counter
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image
from trimesh.exchange.gltf import export_glb

from engine.contracts.cameras import Intrinsics
from engine.contracts.glb import read_glb
from engine.contracts.masks import MaskRle, decode_mask, encode_mask
from engine.contracts.serialisation import from_json, to_json
from engine.rehearsal.client import ApiClient, ApiProblem
from engine.rehearsal.colours import colour_likeness
from engine.rehearsal.masking import judge_mask
from engine.rehearsal.posing import NoPoints, fit_pose
from engine.rehearsal.sculpting import sculpt
from engine.rehearsal.silhouettes import View, best_view
from engine.rehearsal.temperament import Temperament, choose, rate


class Person:
    """What all scripted people share: a login, dice, and a tally of what they did."""

    def __init__(self, *, client: ApiClient, seed: int, temperament: Temperament) -> None:
        self.client = client
        self.dice = random.Random(seed)
        self.temperament = temperament
        self.tally: Counter[str] = Counter()

    def work_once(self) -> bool:
        """Do one task of any kind; False where nothing waits."""
        raise NotImplementedError

    def _claim(self, room: str) -> dict[str, Any] | None:
        task: dict[str, Any] | None = self.client.post(f"/{room}/claim", label=f"{room} claim")
        return task

    def _submit(self, room: str, task: dict[str, Any], started: float, **answer: Any) -> None:
        body = {
            "token": task["token"],
            "duration_ms": int((time.monotonic() - started) * 1000),
            "guideline_version": task["guidelines"]["version"],
            **answer,
        }
        self.client.post(f"/{room}/{task['work_item']}/submit", body, label=f"{room} submit")
        self.tally[f"{room} submitted"] += 1

    def _walks_away(self, task: dict[str, Any]) -> bool:
        """Skip the task or let its lease lapse, as often as the temperament says."""
        roll = self.dice.random()
        if roll < self.temperament.skip_share:
            body = {"token": task["token"], "reason": "other"}
            self.client.post(f"/work-items/{task['work_item']}/skip", body, label="skip")
            self.tally["skipped"] += 1
            return True
        if roll < self.temperament.skip_share + self.temperament.lapse_share:
            self.tally["lapsed"] += 1
            time.sleep(float(task["lease_seconds"]) + 1.0)
            return True
        return False


class Annotator(Person):
    """Works through Stages 1, 2 and 3, and votes where models are compared."""

    def work_once(self) -> bool:
        """Do one task, later stages first, so that targets finish."""
        rooms = {
            "alignments": self._align,
            "selections": self._select,
            "masks": self._judge_mask,
            "ballots": self._vote,
        }
        for room, work in rooms.items():
            task = self._claim(room)
            if task is None:
                continue
            if not self._walks_away(task):
                try:
                    work(task)
                except ApiProblem as problem:
                    # Another person took the lapsed lease over (its meshes are no longer shown to us), or the task was
                    # withdrawn: go on with the next.
                    if problem.status not in (404, 409):
                        raise
                    self.tally["superseded"] += 1
            return True
        return False

    def _judge_mask(self, task: dict[str, Any]) -> None:
        started = time.monotonic()
        found = judge_mask(decode_mask(from_json(MaskRle, task["mask"])))
        answer: dict[str, Any] = {"verdict": found.verdict}
        if found.reason:
            answer["discard_reason"] = found.reason
        if found.mask is not None:
            answer["mask"] = to_json(encode_mask(found.mask))
        self._submit("masks", task, started, **answer)
        self.tally[f"masks: {found.verdict}"] += 1

    def _select(self, task: dict[str, Any]) -> None:
        started = time.monotonic()
        mask = decode_mask(from_json(MaskRle, task["mask"]))
        likeness = self._likeness_of_textures if task["modality"] == "texture" else self._likeness_of_shapes
        likenesses = likeness(task, mask)
        task = self._compare("selections", "answer", task, likenesses)
        rating = rate(likenesses[task["winner"]], temperament=self.temperament, dice=self.dice)
        answer_body: dict[str, Any] = {"rating": rating}
        if rating < task["bar"]:
            answer_body["failure_reason"] = "small_object" if mask.mean() < 0.01 else "complex_geometry"
        self._submit("selections", task, started, **answer_body)

    def _vote(self, task: dict[str, Any]) -> None:
        started = time.monotonic()
        likenesses = self._likeness_of_shapes(task, decode_mask(from_json(MaskRle, task["mask"])))
        task = self._compare("ballots", "vote", task, likenesses)
        self._submit("ballots", task, started)

    def _compare(self, room: str, verb: str, task: dict[str, Any], likenesses: dict[str, float]) -> dict[str, Any]:
        """Say of every pair which is better; returns the task as it stands then."""
        while task["phase"] == "compare":
            asked = time.monotonic()
            pair = task["pair"]
            answer = choose(
                left=likenesses[pair["left"]],
                right=likenesses[pair["right"]],
                temperament=self.temperament,
                dice=self.dice,
            )
            time.sleep(self.temperament.seconds_per_answer)
            body = {
                "token": task["token"],
                "answer": answer,
                "duration_ms": int((time.monotonic() - asked) * 1000),
            }
            path = f"/{room}/{task['work_item']}/{verb}"
            task = task | self.client.post(path, body, label=f"{room} {verb}")
            self.tally["votes" if room == "ballots" else "comparisons"] += 1
        return task

    def _likeness_of_shapes(self, task: dict[str, Any], mask: NDArray[np.bool_]) -> dict[str, float]:
        """By presentation: how well the outline fits in the best view."""
        return {shown["presentation_id"]: self._look_at(shown["mesh_url"], mask).iou for shown in task["candidates"]}

    def _likeness_of_textures(self, task: dict[str, Any], mask: NDArray[np.bool_]) -> dict[str, float]:
        """By presentation: how well the colours fit in the view in which their common shape fits."""
        with Image.open(io.BytesIO(self.client.get_bytes(task["image"]["url"]))) as photograph:
            image = np.asarray(photograph.convert("RGB"))
        rotation = self._look_at(task["candidates"][0]["mesh_url"], mask).rotation
        return {
            shown["presentation_id"]: colour_likeness(
                read_glb(self.client.get_bytes(shown["mesh_url"])), rotation=rotation, image=image, mask=mask
            )
            for shown in task["candidates"]
        }

    def _align(self, task: dict[str, Any]) -> None:
        started = time.monotonic()
        mask = decode_mask(from_json(MaskRle, task["mask"]))
        data = self.client.get_bytes(task["mesh_url"])
        mesh = _load_mesh(data)
        with np.load(io.BytesIO(self.client.get_bytes(task["point_map"]["url"]))) as archive:
            points_camera = archive["points_camera"]
        try:
            pose = fit_pose(
                vertices_object=np.asarray(mesh.vertices, dtype=np.float64),
                rotation=best_view(mesh, mask).rotation,
                mask=mask,
                points_camera=points_camera,
                intrinsics=from_json(Intrinsics, task["point_map"]["intrinsics"]),
            )
        except NoPoints:
            self._submit("alignments", task, started, pose=None, not_alignable="bad_points")
            return
        self._submit("alignments", task, started, pose=to_json(pose))

    def _look_at(self, mesh_url: str, mask: NDArray[np.bool_]) -> View:
        return best_view(_load_mesh(self.client.get_bytes(mesh_url)), mask)


class Reviewer(Person):
    """Decides about hard cases and accepts what artists send."""

    def work_once(self) -> bool:
        """Handle every waiting case and upload; False where there was none."""
        worked = False
        for case in _results(self.client.get("/triage/", label="triage list")):
            worth_it = self.dice.random() < 0.7
            body = {"note": "worth an artist's time" if worth_it else "too small to matter"}
            verb = "choose" if worth_it else "shelve"
            self.client.post(f"/triage/{case['id']}/{verb}", body, label=f"triage {verb}")
            self.tally[f"triage {verb}"] += 1
            worked = True
        for job in _results(self.client.get("/artist-jobs/?awaiting=review", label="artist-jobs list")):
            self.client.post(f"/artist-jobs/{job['work_item']}/accept", label="artist-jobs accept")
            self.tally["artist meshes accepted"] += 1
            worked = True
        return worked


class Artist(Person):
    """Makes a mesh from the outline of the mask."""

    def work_once(self) -> bool:
        """Make and submit one mesh; False where no job waits."""
        task = self._claim("artist-jobs")
        if task is None:
            return False
        started = time.monotonic()
        data = export_glb(sculpt(decode_mask(from_json(MaskRle, task["mask"]))))
        path = f"/artist-jobs/{task['work_item']}/uploads"
        upload = self.client.upload(
            path, filename="mesh.glb", data=data, media_type="model/gltf-binary", label="artist-jobs upload"
        )
        while upload["status"] == "checking":
            time.sleep(0.3)
            upload = self.client.get(f"{path}/{upload['id']}", label="artist-jobs upload status")
        if upload["status"] == "refused":
            raise RuntimeError(f"the engine refused a scripted artist's mesh: {upload['problem']}")
        self._submit("artist-jobs", task, started, upload_id=upload["id"])
        return True


def _results(page: Any) -> list[dict[str, Any]]:
    return list(page["results"] if isinstance(page, dict) else page)


def _load_mesh(data: bytes) -> trimesh.Trimesh:
    mesh = trimesh.load(io.BytesIO(data), file_type="glb", force="mesh")
    if not isinstance(mesh, trimesh.Trimesh) or not len(mesh.faces):
        raise RuntimeError("the API served a candidate without faces")
    return mesh
