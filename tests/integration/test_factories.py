"""The factories build a world that satisfies every constraint of the database."""

import pytest

from tests import factories as make


@pytest.mark.django_db
def test_a_whole_life_of_an_example_can_be_made() -> None:
    request = make.make_request()
    candidates = [make.make_candidate(request=request, generator=name) for name in ("sam3d", "sam3d", "retrieval")]
    selection = make.make_rated_selection(request=request, candidates=candidates, compared=1)
    alignment = make.make_alignment(candidate=candidates[0])
    job = make.make_artist_job(accepted=make.make_candidate(request=request, generator="artist"))
    version = make.make_model_version(promoted=True)
    iteration = make.make_iteration(base=version, collection=request.collection)

    assert selection.tournaments.get().comparisons.get().stayed == selection.winner == alignment.candidate
    assert job.accepted is not None
    assert job.accepted.generator == "artist"
    assert iteration.base == version
