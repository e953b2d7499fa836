"""Pages as people use them, signed in by session. Their requests are counted (`tests/queries.py`)."""

import uuid
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from engine.workforce.models import User

# The factories' mask is the middle 80 × 60 pixels of 160 × 120. At depth 4 and focal length 200 px a face of 1.6 × 1.2
# covers it: the box of 1 × 0.75 × 1, scaled by 1.6.
POSE = {"rotation_wxyz": [1.0, 0.0, 0.0, 0.0], "translation": [0.0, 0.0, 4.8], "scale": [1.6, 1.6, 1.6]}


class Desk:
    """A signed-in page. It counts the queries of every request, and remembers all that it was told."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.client = APIClient()
        self.client.force_login(user, backend="engine.workforce.authentication.PeopleBackend")  # dearer than a token
        self.seen: list[str] = []

    def get(self, path: str, **headers: str) -> Any:
        return self._ask(lambda: self.client.get(path, headers=headers))

    def post(
        self,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        key: str | None = None,
        kind: str = "json",
    ) -> Any:
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return self._ask(lambda: self.client.post(path, body or {}, format=kind, headers=headers))

    def _ask(self, call: Any) -> Any:
        response = call()
        response.body = b"".join(response.streaming_content) if response.streaming else response.content
        self.seen.append(str(dict(response.items())))
        self.seen.append(response.body.decode(errors="replace"))
        return response


class SelectionDesk(Desk):
    """A page of Stage 2."""

    def claim(self):
        response = self.post("/api/v1/selections/claim")
        assert response.status_code == 200, response.content
        return response.json()

    def answer(self, task, choice="left", key=None, **changes):
        body = {"token": task["token"], "answer": choice, "duration_ms": 900} | changes
        return self.post(f"/api/v1/selections/{task['work_item']}/answer", body, key=key)

    def answer_all(self, task):
        while task["phase"] == "compare":
            task = task | self.answer(task).json()
        return task

    def submit(self, task, rating=0.9, key=None, **changes):
        body = {"token": task["token"], "rating": rating, "duration_ms": 70_000, "guideline_version": "v1"} | changes
        return self.post(f"/api/v1/selections/{task['work_item']}/submit", body, key=key)


class BallotDesk(Desk):
    """A page of an evaluation."""

    def claim(self):
        response = self.post("/api/v1/ballots/claim")
        assert response.status_code == 200, response.content
        return response.json()

    def vote(self, task, choice="left", key=None, **changes):
        body = {"token": task["token"], "answer": choice, "duration_ms": 900} | changes
        return self.post(f"/api/v1/ballots/{task['work_item']}/vote", body, key=key)

    def vote_all(self, task, choose=lambda pair: "left"):
        while task["phase"] == "compare":
            task = task | self.vote(task, choose(task["pair"])).json()
        return task

    def undo(self, task):
        return self.post(f"/api/v1/ballots/{task['work_item']}/undo", {"token": task["token"]})

    def hand_in(self, task, key=None, **changes):
        body = {"token": task["token"], "duration_ms": 21_000, "guideline_version": "voting-v1"} | changes
        return self.post(f"/api/v1/ballots/{task['work_item']}/submit", body, key=key)


class AlignmentDesk(Desk):
    """A page of Stage 3."""

    def claim(self):
        response = self.post("/api/v1/alignments/claim")
        assert response.status_code == 200, response.content
        return response.json()

    def submit(self, task, key=None, **changes):
        body = {"token": task["token"], "duration_ms": 140_000, "guideline_version": "v1", "pose": POSE} | changes
        return self.post(f"/api/v1/alignments/{task['work_item']}/submit", body, key=key)


class ArtistDesk(Desk):
    """A page of an artist."""

    def claim(self):
        response = self.post("/api/v1/artist-jobs/claim")
        assert response.status_code == 200, response.content
        return response.json()

    def upload(self, task, content, name="mesh.glb", key=None):
        file = SimpleUploadedFile(name, content, content_type="model/gltf-binary")
        return self.post(f"/api/v1/artist-jobs/{task['work_item']}/uploads", {"file": file}, kind="multipart", key=key)

    def submit(self, task, upload_id, **changes):
        body = {"token": task["token"], "upload_id": upload_id, "duration_ms": 1000, "guideline_version": "v1"}
        return self.post(f"/api/v1/artist-jobs/{task['work_item']}/submit", body | changes)
