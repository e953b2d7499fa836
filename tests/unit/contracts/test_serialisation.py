"""Contracts survive JSON, and a message of another shape is refused with the place where it differs."""

import json
from typing import Any

import pytest

from engine.contracts.blobs import BlobRef
from engine.contracts.generation import GenerateRequest, Modality
from engine.contracts.masks import MaskRle
from engine.contracts.poses import Pose
from engine.contracts.serialisation import ContractError, from_json, to_json
from engine.contracts.targets import TargetInput
from engine.contracts.training import TrainReply

REQUEST = GenerateRequest(
    run_id="r",
    attempt=1,
    generator="retrieval",
    modality=Modality.SHAPE,
    target=TargetInput(target_id="t", image=BlobRef("ab", "image/png", 3), mask=MaskRle(2, 2, (1, 3)), category="mug"),
    seeds=(3, 5),
    deadline_seconds=30.0,
    parameters={"steps": 4},
)


def changed(**changes: Any) -> Any:
    message = to_json(REQUEST)
    return message | changes


def test_a_request_survives_json() -> None:
    assert from_json(GenerateRequest, json.loads(json.dumps(to_json(REQUEST)))) == REQUEST


def test_whole_numbers_are_welcome_where_floats_are_due() -> None:
    assert from_json(GenerateRequest, changed(deadline_seconds=30)).deadline_seconds == 30.0


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (changed(attempt="1"), r"GenerateRequest\.attempt: expected int, got str"),
        (changed(attempt=True), r"expected int, got bool"),
        (changed(seeds=[1, "x"]), r"GenerateRequest\.seeds\[1\]"),
        (changed(modality="sound"), r"GenerateRequest\.modality"),
        (changed(colour="red"), r"unknown fields colour"),
        ({key: value for key, value in changed().items() if key != "run_id"}, r"run_id is missing"),
        ([], r"expected an object"),
    ],
)
def test_another_shape_is_refused_with_its_place(message: Any, said: str) -> None:
    with pytest.raises(ContractError, match=said):
        from_json(GenerateRequest, message)


def test_values_are_checked_by_the_contract_itself() -> None:
    pose = {"rotation_wxyz": [1, 0, 0, 0], "translation": [0, 0, 1], "scale": [1, 1, 0]}
    with pytest.raises(ValueError, match="positive"):
        from_json(Pose, pose)


def test_optional_fields_may_be_left_out_or_null() -> None:
    message = {"run_id": "r", "attempt": 1, "status": "failed", "error": "no GPU", "checkpoint": None}
    assert from_json(TrainReply, message).checkpoint is None


def test_only_plain_values_become_json() -> None:
    with pytest.raises(ContractError, match="bytes"):
        to_json({"data": b"x"})
