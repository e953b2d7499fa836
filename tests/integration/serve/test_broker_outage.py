"""The broker is gone for more than a minute; people go on working, and nothing that was acknowledged is lost.

The outage runs in a process of its own beside the tests before this one (`long_outage` of the folder above).
"""

from typing import Any

import pytest


@pytest.mark.timeout(300)
def test_a_minute_without_a_broker_loses_nothing_that_was_acknowledged(long_outage: Any) -> None:
    found = long_outage.result()

    assert found["seconds_without_broker"] > 60
    # Two shapes were chosen and two masks verified meanwhile; what comes next stood in the database.
    assert sorted(found["acknowledged"]) == sorted(found["judgements"])
    assert len(found["acknowledged"]) == 4
    assert found["states_before_it_came_back"] == ["aligning", "generating", "generating", "searching"]
    # Each target got its rounds once, every run was sent and answered, every candidate is there once.
    assert len(set(found["rounds"])) == len(found["rounds"]) == 2 + 2 + 1
    assert set(found["runs"]) == {"succeeded"}
    assert found["candidates"] == found["seeds"]
