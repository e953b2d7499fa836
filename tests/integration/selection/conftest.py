"""A target with candidates from several generators, waiting for somebody to choose."""

from collections.abc import Callable

import pytest

from engine.lifecycle import State
from engine.selection import services
from engine.selection.models import Selection
from engine.workforce.models import Role, User
from tests import factories as make
from tests.stage_fixtures import handed_over, own_store  # noqa: F401


@pytest.fixture
def annotator(db) -> User:
    return make.make_user(Role.ANNOTATOR, username="ann")


@pytest.fixture
def other_annotator(db) -> User:
    return make.make_user(Role.ANNOTATOR, username="bob")


@pytest.fixture
def open_selection(db, handed_over) -> Callable[..., Selection]:  # noqa: F811
    def _open(*, count: int = 4, alpha: float = 0.6) -> Selection:
        collection = make.make_collection(alpha=alpha)
        target = make.make_target(state=State.SELECTING)
        request = make.make_request(target=target, collection=collection)
        for index in range(count):
            make.make_candidate(
                request=request,
                generator=("sam3d", "retrieval", "text_to_3d", "image_to_3d")[index % 4],
                content=b"glTF of candidate %d" % index,
                seed=9_000_000_000_000 + index,
                model_version_id="5ca1ab1e-0000-4000-8000-000000000001",
            )
        return services.open_selection(target_id=target.id)

    return _open
