"""The API of leases, drafts and one's own figures. Claiming and submitting belong to the stages' rooms."""

from dataclasses import asdict
from uuid import UUID

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engine.bodies import read_body
from engine.workforce import agreement, drafts, people, services, statistics
from engine.workforce.idempotency import IdempotentWrites
from engine.workforce.models import Draft, Role, Stage, WorkItem
from engine.workforce.permissions import has_role, person_of
from engine.workforce.review_serializers import AgreedSerializer
from engine.workforce.serializers import (
    DraftSerializer,
    KeyBindingsSerializer,
    LeaseSerializer,
    MeSerializer,
    SkipSerializer,
    TokenSerializer,
)

WORKERS_OF: dict[str, tuple[Role, ...]] = {
    Stage.MASK: (Role.ANNOTATOR,),
    Stage.SELECTION: (Role.ANNOTATOR,),
    Stage.ALIGNMENT: (Role.ANNOTATOR,),
    Stage.ARTIST: (Role.ARTIST,),
    Stage.EVALUATION: (Role.ANNOTATOR,),
}

LEASE_EXAMPLE = OpenApiExample(
    "A lease",
    response_only=True,
    value={
        "work_item": "0b0d9cf1-5d0e-4f2a-8a1e-7a2b4a2f9c11",
        "token": 3,
        "lease_expires_at": "2026-03-01T12:05:00Z",
        "lease_seconds": 300,
    },
)
TOKEN_EXAMPLE = OpenApiExample("The task's token", request_only=True, value={"token": 3})
SUPERSEDED = OpenApiResponse(description="`lease_superseded` or `work_item_closed`: claim the next item.")


class MeView(APIView):
    """Who I am, what waits for me, how my day went."""

    @extend_schema(
        operation_id="me",
        responses=MeSerializer,
        examples=[
            OpenApiExample(
                "An annotator",
                value={
                    "username": "mira",
                    "roles": ["annotator"],
                    "waiting": {"mask": {"count": 12, "more": False}, "selection": {"count": 100, "more": True}},
                    "today": {"done": 41, "median_duration_ms": 76000},
                    "week": {"done": 180, "median_duration_ms": 80100},
                    "stages": {
                        "selection": {
                            "today": {"done": 41, "median_duration_ms": 76000},
                            "week": {"done": 180, "median_duration_ms": 80100},
                        }
                    },
                    "keys": {"selection": {"undo": "KeyB"}},
                    "agreement": {
                        "selection": {
                            "compared": 40,
                            "agreeing": 31,
                            "share": 0.775,
                            "interval": {"low": 0.625, "high": 0.877},
                            "enough": True,
                        }
                    },
                },
            )
        ],
    )
    def get(self, request: Request) -> Response:
        """The signed-in person; counts of waiting work stop at 100."""
        user = person_of(request)
        stages = [stage for stage, roles in WORKERS_OF.items() if has_role(user, *roles)]
        by_stage = statistics.performance(user=user)
        overall = by_stage.pop(None, statistics.NOTHING)
        return Response(
            {
                "username": user.username,
                "roles": sorted(user.role_names),
                "waiting": {
                    stage: asdict(waiting)
                    for stage, waiting in statistics.waiting_work(user=user, stages=stages).items()
                },
                **asdict(overall),
                "stages": {stage: asdict(times) for stage, times in by_stage.items()},
                "keys": user.key_bindings,
                "agreement": {
                    stage: AgreedSerializer(agreed).data for stage, agreed in agreement.of_person(user).items()
                },
            }
        )


class KeyBindingsView(IdempotentWrites, APIView):
    """My keys on a page."""

    @extend_schema(
        operation_id="me_keys_save",
        request=KeyBindingsSerializer,
        responses=KeyBindingsSerializer,
        examples=[OpenApiExample("One key changed", value={"bindings": {"undo": "KeyB"}})],
    )
    def put(self, request: Request, page: str) -> Response:
        """Keep what differs from the page's own keys; they follow you to every machine."""
        body = read_body(KeyBindingsSerializer, request)
        people.keep_key_bindings(user=person_of(request), page=page, bindings=body["bindings"])
        return Response(body)


class HeartbeatView(IdempotentWrites, APIView):
    """Still at work."""

    @extend_schema(
        operation_id="work_item_heartbeat",
        request=TokenSerializer,
        responses={200: LeaseSerializer, 409: SUPERSEDED},
        examples=[TOKEN_EXAMPLE, LEASE_EXAMPLE],
    )
    def post(self, request: Request, work_item_id: UUID) -> Response:
        """Extend the lease; one that ran out is taken up again unless somebody else has the item."""
        body = read_body(TokenSerializer, request)
        return _lease(services.heartbeat(user=person_of(request), work_item_id=work_item_id, **body))


class ReleaseView(IdempotentWrites, APIView):
    """Not now."""

    @extend_schema(
        operation_id="work_item_release",
        request=TokenSerializer,
        responses={204: None, 409: SUPERSEDED},
        examples=[TOKEN_EXAMPLE],
    )
    def post(self, request: Request, work_item_id: UUID) -> Response:
        """Give the item back for anybody, yourself included. Your draft is kept."""
        services.release(user=person_of(request), work_item_id=work_item_id, **read_body(TokenSerializer, request))
        return Response(status=204)


class SkipView(IdempotentWrites, APIView):
    """Not me."""

    @extend_schema(
        operation_id="work_item_skip",
        request=SkipSerializer,
        responses={204: None, 409: SUPERSEDED},
        examples=[
            OpenApiExample(
                "Cannot tell", request_only=True, value={"token": 3, "reason": "unclear", "note": "two chairs overlap"}
            )
        ],
    )
    def post(self, request: Request, work_item_id: UUID) -> Response:
        """Give the item back for others: you will not meet it again."""
        services.skip(user=person_of(request), work_item_id=work_item_id, **read_body(SkipSerializer, request))
        return Response(status=204)


class DraftView(IdempotentWrites, APIView):
    """Unsent work, kept on the server."""

    @extend_schema(
        operation_id="work_item_draft_read",
        responses={200: DraftSerializer, 404: OpenApiResponse(description="`no_draft`: nothing was saved.")},
        examples=[OpenApiExample("A draft", value={"content": {"strokes": []}, "saved_at": "2026-03-01T12:00:00Z"})],
    )
    def get(self, request: Request, work_item_id: UUID) -> Response:
        """What you saved last on this item."""
        return _draft(drafts.load(user=person_of(request), work_item_id=work_item_id))

    @extend_schema(
        operation_id="work_item_draft_save",
        request=DraftSerializer,
        responses=DraftSerializer,
        examples=[OpenApiExample("A draft", request_only=True, value={"content": {"strokes": []}})],
    )
    def put(self, request: Request, work_item_id: UUID) -> Response:
        """Save unsent work, even if the lease is lost by now; submitting removes it."""
        body = read_body(DraftSerializer, request)
        return _draft(drafts.save(user=person_of(request), work_item_id=work_item_id, **body))


def _lease(item: WorkItem) -> Response:
    return Response(
        {
            "work_item": item.id,
            "token": item.fencing_token,
            "lease_expires_at": item.lease_expires_at,
            "lease_seconds": settings.LATHE_LEASE_SECONDS[item.stage],
        }
    )


def _draft(draft: Draft) -> Response:
    return Response({"content": draft.content, "saved_at": draft.saved_at})
