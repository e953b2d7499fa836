"""The demo's reviewer: how often people are asked the same, what becomes gold, and what is left for visitors."""

from typing import Any

from engine.rehearsal.client import ApiClient

STAGES = ("mask", "selection", "alignment")
# More often than for real (docs/review.md): a demo has few judgements, and people are to see what comes of it.
SHARES = {"gold_share": 0.1, "overlap_share": 0.2}
MOST_GOLD = 2


def set_shares(reviewer: ApiClient) -> None:
    """Have some of what is judged from now on judged by somebody else, and gold tasks given out."""
    for stage in STAGES:
        reviewer.put(f"/stage-shares/{stage}", SHARES, label="stage shares")


def mark_gold(reviewer: ApiClient) -> None:
    """Mark what two people agree on as gold, a little of each stage."""
    for stage in STAGES:
        agreed = [
            entry
            for entry in _judgements(reviewer, stage)
            if "mark_gold" in entry["possible"] and any(opinion["agrees"] for opinion in entry["opinions"])
        ]
        for entry in agreed[:MOST_GOLD]:
            reviewer.post(f"/reviews/{entry['work_item']}/gold", label="gold")


def leave_work(reviewer: ApiClient, *, most: int = 3) -> dict[str, int]:
    """Want second opinions that no scripted person gives any more, so that every stage has work; how many, by stage."""
    left = {}
    for stage in STAGES:
        unasked = [entry for entry in _judgements(reviewer, stage) if not entry["opinions"]][:most]
        for entry in unasked:
            reviewer.post(f"/reviews/{entry['work_item']}/second-opinion", label="second opinion")
        left[stage] = len(unasked)
    return left


def _judgements(reviewer: ApiClient, stage: str) -> list[dict[str, Any]]:
    """Those that collect and wait for review."""
    page = reviewer.get(f"/reviews/?stage={stage}&purpose=collect", label="reviews list")
    return list(page["entries"])
