"""Equal content has equal bytes, whatever order it was put together in."""

import json

from engine.contracts.serialisation import from_json, to_json
from engine.datasets.manifest import canonical_json
from engine.datasets.options import FreezeOptions


def test_the_order_of_keys_does_not_matter() -> None:
    assert canonical_json({"b": {"y": 1, "x": 2}, "a": "α"}) == canonical_json({"a": "α", "b": {"x": 2, "y": 1}})
    assert canonical_json({"b": 1, "a": "α"}) == '{"a":"α","b":1}\n'.encode()


def test_options_survive_the_database() -> None:
    options = FreezeOptions(dpo_loser_generators=("sam3d", "remote"))
    assert from_json(FreezeOptions, json.loads(json.dumps(to_json(options)))) == options
