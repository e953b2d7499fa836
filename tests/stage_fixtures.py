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


@pytest.fixture
def no_worker(monkeypatch) -> None:
    """Nothing is sent to Celery; what Stage 3 asks of a worker is done at once, here."""
    from engine.alignment import assistance, services, tasks

    monkeypatch.setattr(services, "send_soon", lambda task, **kwargs: None)
    work = {assistance.SNAP_TASK: tasks.assist_snap, assistance.TRY_OTHERS_TASK: tasks.assist_try_others}
    monkeypatch.setattr(assistance, "ask", lambda task, *, timeout_seconds, **kwargs: work[task](**kwargs))
