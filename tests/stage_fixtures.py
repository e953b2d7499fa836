"""What the integration tests of Stages 2, 2.5 and 3 share."""

from pathlib import Path

import pytest

from engine import dispatch
from engine.lifecycle import MOVES, State


@pytest.fixture(autouse=True)
def own_store(settings, tmp_path: Path) -> None:
    settings.LATHE_STORAGE_URL = (tmp_path / "blobs").as_uri()


@pytest.fixture
def handed_over(monkeypatch) -> list[State]:
    """States that targets entered; the services of other rooms are not called."""
    states: list[State] = []
    monkeypatch.setattr(dispatch, "hand_over", lambda *, move, target_id: states.append(MOVES[move][1]))
    return states
