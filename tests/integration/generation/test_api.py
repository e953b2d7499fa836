"""What ML engineers read of requests, runs and candidates, over HTTP and in the admin."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from engine.generation.models import GenerationRequest
from engine.workforce.models import Role
from tests import factories

pytestmark = pytest.mark.django_db
URL = "/api/v1/generation/requests/"


@pytest.fixture
def requests() -> list[GenerationRequest]:
    """Two targets with two generators and two candidates each."""
    collection = factories.make_collection()
    found = [factories.make_request(collection=collection) for _ in range(2)]
    for request in found:
        for generator in ("retrieval", "sam3d", "retrieval", "sam3d"):
            factories.make_candidate(request=request, generator=generator)
    return found


def client_of(*roles: Role) -> Client:
    client = Client()
    client.force_login(factories.make_user(*roles))
    return client


def test_requests_of_a_target_with_runs_and_candidates(
    requests: list[GenerationRequest], django_assert_max_num_queries: Callable[..., Any]
) -> None:
    client = client_of(Role.ML_ENGINEER)
    with django_assert_max_num_queries(9):
        response = client.get(URL, {"target": str(requests[0].target_id)})
    (only,) = response.json()["results"]
    assert only["id"] == str(requests[0].id)
    assert {run["generator"]: len(run["candidates"]) for run in only["runs"]} == {"retrieval": 2, "sam3d": 2}
    assert len(client.get(URL).json()["results"]) == 2
    assert client.get(URL, {"status": "open"}).json()["results"] == []


def test_a_wrong_filter_is_refused(requests: list[GenerationRequest]) -> None:
    assert client_of(Role.ML_ENGINEER).get(URL, {"target": "mug"}).status_code == 400


def test_annotators_learn_nothing_of_generators(requests: list[GenerationRequest]) -> None:
    assert client_of(Role.ANNOTATOR).get(URL).status_code == 403


@pytest.mark.parametrize("model_name", ["collection", "generationrequest", "generationrun", "candidate"])
def test_admin_pages_open_with_few_queries(
    requests: list[GenerationRequest], model_name: str, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    client = Client()
    client.force_login(factories.make_user(is_staff=True, is_superuser=True))
    with django_assert_max_num_queries(12):
        assert client.get(f"/admin/generation/{model_name}/").status_code == 200
    model = GenerationRequest._meta.apps.get_model("generation", model_name)
    first = model.objects.first()
    with django_assert_max_num_queries(16):
        assert client.get(f"/admin/generation/{model_name}/{first.pk}/change/").status_code == 200
