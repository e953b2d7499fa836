"""The demo's evaluation by votes: the promoted checkpoint against its ancestor and a generator that does not learn."""

from typing import Any

from engine.rehearsal.client import ApiClient

VOTERS = 2
OUTLINE = {"name": "inflated outline", "generator": "image_to_3d"}


def start_vote(engineer: ApiClient, *, targets: int) -> None:
    """Have a few targets voted on, once for every promoted checkpoint; whatever was done of it before is not repeated.

    People vote when they have nothing else to do; the results are at `/evaluations/`.
    """
    checkpoints = _checkpoints(engineer)
    name = " against ".join(reversed([*checkpoints, OUTLINE["name"]]))
    if name not in {row["name"] for row in _all(engineer, "evaluation-sets")}:
        verified = [row["id"] for row in _all(engineer, "targets") if row["state"] not in ("proposed", "discarded")]
        engineer.post("/evaluation-sets/", {"name": name, "target_ids": verified[:targets]}, label="freeze set")
    known = {row["name"]: row for row in _all(engineer, "evaluations")}
    evaluation = known.get(name) or engineer.post(
        "/evaluations/",
        {
            "name": name,
            "set": name,
            "contenders": [
                *({"name": version, "generator": "sam3d", "model_version": version} for version in checkpoints),
                OUTLINE,
            ],
            "seeds": [0],
            "voters_per_item": VOTERS,
        },
        label="register evaluation",
    )
    if evaluation["state"] == "registered":
        engineer.post(f"/evaluations/{evaluation['id']}/start", label="start evaluation")


def _checkpoints(engineer: ApiClient) -> list[str]:
    """The first checkpoint, which is the baseline, and the promoted one where it is another."""
    versions = sorted(_all(engineer, "model-versions"), key=lambda version: str(version["created_at"]))
    return list(dict.fromkeys([versions[0]["name"], *(one["name"] for one in versions if one["promoted"])]))


def _all(engineer: ApiClient, room: str) -> list[dict[str, Any]]:
    """The first page, which is more than a demo fills."""
    return list(engineer.get(f"/{room}/", label=f"{room} list")["results"])
