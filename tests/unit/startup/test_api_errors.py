from http import HTTPStatus

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions

from engine.api_errors import problem_response
from engine.errors import Conflict, Forbidden, LatheError, NotFound, Unprocessable


class LeaseSupersededError(Conflict):
    code = "lease_superseded"


def test_an_expected_failure_says_what_is_wrong_and_what_to_do() -> None:
    error = LeaseSupersededError("Somebody else has this now.", what_to_do="Take the next one.", token=7)

    response = problem_response(error, {})

    assert response is not None
    assert response.status_code == 409
    assert response.data == {
        "type": "lease_superseded",
        "title": "Conflict",
        "status": 409,
        "detail": "Somebody else has this now.",
        "what_to_do": "Take the next one.",
        "facts": {"token": 7},
    }


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (LatheError("x"), 400),
        (Forbidden("x"), 403),
        (NotFound("x"), 404),
        (Conflict("x"), 409),
        (Unprocessable("x"), 422),
    ],
)
def test_statuses(error: LatheError, status: int) -> None:
    response = problem_response(error, {})
    assert response is not None
    assert response.status_code == status
    assert response.data["title"] == HTTPStatus(status).phrase


def test_validation_errors_name_their_fields() -> None:
    response = problem_response(exceptions.ValidationError({"rating": ["Must be at most 1."]}), {})
    assert response is not None
    assert response.data["type"] == "invalid"
    assert response.data["errors"] == {"rating": ["Must be at most 1."]}


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (Http404(), "not_found", 404),
        (PermissionDenied(), "forbidden", 403),
        (exceptions.NotAuthenticated(), "not_authenticated", 401),
        (exceptions.MethodNotAllowed("PUT"), "method_not_allowed", 405),
    ],
)
def test_failures_of_the_framework_take_the_same_shape(error: Exception, code: str, status: int) -> None:
    response = problem_response(error, {})
    assert response is not None
    assert (response.data["type"], response.data["status"]) == (code, status)
    assert response.data["detail"]


def test_a_bug_stays_a_bug() -> None:
    assert problem_response(ZeroDivisionError(), {}) is None
