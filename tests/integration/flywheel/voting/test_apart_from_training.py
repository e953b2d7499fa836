"""Evaluations measure, they do not train: no snapshot, pair, selection or target changes because of them."""

from typing import Any

import pytest
from django.apps import apps
from django.db.models import ForeignKey
from django.utils import timezone

from engine.datasets.services import freeze
from engine.flywheel.voting import advancing
from engine.generation.models import Candidate, GenerationRequest, GenerationRun
from engine.lifecycle import State
from engine.selection import services as selection
from engine.selection.models import Comparison, Presentation, Selection
from engine.storage.services import read_blob
from tests import factories as make
from tests.desks import BallotDesk
from tests.evaluations import generate_all, registered
from tests.integration.datasets.conftest import make_real_candidate, make_real_request
from tests.stage_fixtures import handed_over  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def judged() -> Selection:
    """A selection that snapshots export, with three candidates."""
    request = make_real_request(collection=make.make_collection(iteration=1, closed=True))
    candidates = [make_real_candidate(request, name) for name in ("sam3d", "sam3d", "sam3d")]
    return make.make_rated_selection(request=request, candidates=candidates, rating=0.9)


def evaluate(target: Any, voter: Any) -> None:
    evaluation = registered("ada", "bea", "cia", targets=[target])
    advancing.start(evaluation_id=evaluation.id)
    generate_all(evaluation)
    desk = BallotDesk(voter)
    desk.hand_in(desk.vote_all(desk.claim()))
    advancing.advance_evaluations()


def test_a_snapshot_is_the_same_to_the_byte_with_and_without_an_evaluation(judged, voter):
    before = freeze(iteration=1, alpha=0.5, cutoff_at=timezone.now())
    evaluate(judged.target, voter)
    after = freeze(iteration=2, alpha=0.5, cutoff_at=timezone.now())
    assert (before.example_count, before.direct_pair_count) == (1, 2)
    for field in ("example_count", "negative_count", "direct_pair_count", "inferred_pair_count"):
        assert getattr(after, field) == getattr(before, field), field
    shards = [
        [(shard.kind, read_blob(blob=shard.blob)) for shard in frozen.shards.order_by("kind", "number")]
        for frozen in (before, after)
    ]
    assert shards[0] == shards[1]


def test_nothing_is_added_to_the_tables_that_training_reads(judged, voter):
    tables = (Candidate, GenerationRequest, GenerationRun, Selection, Presentation, Comparison)
    before = [table.objects.count() for table in tables]
    evaluate(judged.target, voter)
    assert [table.objects.count() for table in tables] == before


def test_no_room_that_makes_training_data_refers_to_evaluations():
    """By the schema itself: a table that pointed at an entry or a vote could be exported by mistake."""
    votes = {
        model
        for model in apps.get_app_config("flywheel").get_models()
        if model.__module__ == "engine.flywheel.voting.models"
    }
    assert len(votes) == 10
    others = [model for model in apps.get_models() if model not in votes]
    pointing = [
        field
        for model in others
        for field in model._meta.get_fields()
        if isinstance(field, ForeignKey) and field.related_model in votes
    ]
    assert pointing == []


def test_stage_2_goes_on_with_the_candidates_of_its_own_request(handed_over, voter):  # noqa: F811
    request = make_real_request(collection=make.make_collection(iteration=1))
    wanted = {make_real_candidate(request, name).id for name in ("sam3d", "retrieval")}
    request.target.state = State.SELECTING
    request.target.save()
    evaluate(request.target, voter)
    selection.open_selection(target_id=request.target_id)
    task = BallotDesk(voter).post("/api/v1/selections/claim").json()
    shown = Presentation.objects.filter(id__in=[one["presentation_id"] for one in task["candidates"]])
    assert set(shown.values_list("candidate_id", flat=True)) == wanted
