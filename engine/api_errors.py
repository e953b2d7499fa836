"""Errors of the REST API as one JSON shape, after RFC 9457 (problem details).

    {"type": "lease_superseded", "title": "Conflict", "status": 409, "detail": "…", "what_to_do": "…", "facts": {}}

Validation errors carry `errors`: the messages of each field.
"""

from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from engine.errors import LatheError


def problem_response(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF exception handler: expected failures become problems; anything else stays a server error."""
    if isinstance(exc, LatheError):
        set_rollback()
        return Response(
            {
                **_problem(status=exc.status_code, code=exc.code, detail=exc.message),
                "what_to_do": exc.what_to_do,
                "facts": exc.facts,
            },
            status=exc.status_code,
        )
    response = exception_handler(exc, context)
    if response is None:
        return None
    if isinstance(exc, exceptions.ValidationError):
        response.data = {
            **_problem(status=response.status_code, code="invalid", detail="Some values are not valid."),
            "errors": exc.detail if isinstance(exc.detail, dict) else {"non_field_errors": exc.detail},
        }
        return response
    detail = getattr(exc, "detail", None) or str(exc) or HTTPStatus(response.status_code).phrase
    response.data = _problem(status=response.status_code, code=_code_of(exc), detail=str(detail))
    return response


def _problem(*, status: int, code: str, detail: str) -> dict[str, Any]:
    return {"type": code, "title": HTTPStatus(status).phrase, "status": status, "detail": detail}


def _code_of(exc: Exception) -> str:
    if isinstance(exc, Http404):
        return "not_found"
    if isinstance(exc, PermissionDenied):
        return "forbidden"
    return exc.default_code if isinstance(exc, exceptions.APIException) else "error"
