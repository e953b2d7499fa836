"""The API of reviewers: the queue, what can be done with a judgement, agreement, and the shares of second opinions."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engine.bodies import read_body
from engine.workforce import agreement, review_queue, reviews, second_opinions
from engine.workforce.idempotency import IdempotentWrites
from engine.workforce.models import Judgement, Role
from engine.workforce.permissions import HasRole, person_of
from engine.workforce.review_serializers import (
    AgreementSerializer,
    AskedSerializer,
    EntrySerializer,
    QueueFilterSerializer,
    QueuePageSerializer,
    ReviewedSerializer,
    SendBackSerializer,
    SharesSerializer,
    StageSharesSerializer,
)

ITEM, OTHER = "0b0d9cf1-5d0e-4f2a-8a1e-7a2b4a2f9c11", "5a5b1f8e-0b68-4b5e-9a55-7d8a4b6f1c20"
ENTRY_EXAMPLE = {
    "work_item": ITEM,
    "stage": "mask",
    "purpose": "collect",
    "person": "mira",
    "submitted_at": "2026-03-01T12:00:00Z",
    "duration_ms": 8200,
    "guideline_version": "v2",
    "review": "unreviewed",
    "reviewed_by": None,
    "note": "",
    "set_aside": False,
    "disagrees": True,
    "possible": ["accept", "mark_gold", "return", "requeue"],
    "opinions": [
        {
            "work_item": OTHER,
            "person": "bob",
            "purpose": "overlap",
            "state": "compared",
            "agrees": False,
            "measures": {"iou": 0.62, "same_verdict": True, "same_category": True},
        }
    ],
}
AGREED_EXAMPLE = {
    "stage": "mask",
    "purpose": "overlap",
    "compared": 4,
    "agreeing": 3,
    "share": 0.75,
    "interval": {"low": 0.3006, "high": 0.9544},
    "enough": False,
}
SHARES_EXAMPLE = {"gold_share": 0.02, "overlap_share": 0.05}
REFUSED = {
    404: OpenApiResponse(description="`no_such_judgement`."),
    409: OpenApiResponse(
        description="`not_reviewable`: not from this state, or your own; `not_taken_back` or `invalid_move`: the "
        "target stands where the judgement cannot be taken back from."
    ),
}


class ReviewQueueView(APIView):
    """Judgements to look at."""

    permission_classes = [HasRole(Role.REVIEWER)]

    @extend_schema(
        operation_id="reviews_list",
        parameters=[QueueFilterSerializer],
        responses={200: QueuePageSerializer, 422: OpenApiResponse(description="`unknown_cursor`.")},
        examples=[OpenApiExample("One", value={"entries": [ENTRY_EXAMPLE], "next_cursor": ""}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """Judgements of a stage in one state of review: those that a second opinion contradicts first, newest first."""
        filters = QueueFilterSerializer(data=request.query_params)
        filters.is_valid(raise_exception=True)
        page = review_queue.page(reviewer=person_of(request), **filters.validated_data)
        return Response(QueuePageSerializer(page).data)


class ReviewView(APIView):
    """One judgement."""

    permission_classes = [HasRole(Role.REVIEWER)]

    @extend_schema(
        operation_id="reviews_read",
        responses={200: EntrySerializer, 404: REFUSED[404]},
        examples=[OpenApiExample("A judgement", value=ENTRY_EXAMPLE, response_only=True)],
    )
    def get(self, request: Request, work_item: UUID) -> Response:
        """Read a judgement with its second opinions. What it says is read from its stage: `masks/<id>/judged`, …"""
        entry = review_queue.entry(reviewer=person_of(request), work_item_id=work_item)
        return Response(EntrySerializer(entry).data)


class _ActView(IdempotentWrites, APIView):
    """One thing that a reviewer does."""

    permission_classes = [HasRole(Role.REVIEWER)]


class AcceptView(_ActView):
    """Fine as it is."""

    @extend_schema(
        operation_id="reviews_accept",
        request=None,
        responses={200: ReviewedSerializer, **REFUSED},
        examples=[OpenApiExample("Accepted", value={"work_item": ITEM, "review": "accepted"}, response_only=True)],
    )
    def post(self, request: Request, work_item: UUID) -> Response:
        """Accept a judgement."""
        return _reviewed(reviews.accept(reviewer=person_of(request), work_item_id=work_item))


class GoldView(_ActView):
    """A known answer."""

    @extend_schema(
        operation_id="reviews_mark_gold",
        request=None,
        responses={200: ReviewedSerializer, **REFUSED},
        examples=[OpenApiExample("Gold", value={"work_item": ITEM, "review": "gold"}, response_only=True)],
    )
    def post(self, request: Request, work_item: UUID) -> Response:
        """Mark a judgement as gold: it is right, and others are measured by it."""
        return _reviewed(reviews.mark_gold(reviewer=person_of(request), work_item_id=work_item))

    @extend_schema(
        operation_id="reviews_unmark_gold",
        request=None,
        responses={200: ReviewedSerializer, **REFUSED},
        examples=[OpenApiExample("No more", value={"work_item": ITEM, "review": "accepted"}, response_only=True)],
    )
    def delete(self, request: Request, work_item: UUID) -> Response:
        """Measure nobody else by it."""
        return _reviewed(reviews.unmark_gold(reviewer=person_of(request), work_item_id=work_item))


class ReturnView(_ActView):
    """Once more, please."""

    @extend_schema(
        operation_id="reviews_return",
        request=SendBackSerializer,
        responses={200: ReviewedSerializer, **REFUSED},
        examples=[
            OpenApiExample("Why", value={"note": "The handle belongs to the mug."}, request_only=True),
            OpenApiExample("Returned", value={"work_item": ITEM, "review": "returned"}, response_only=True),
        ],
    )
    def post(self, request: Request, work_item: UUID) -> Response:
        """Give it back to the same person, who reads the note with the task. What stood on it is set aside as well."""
        body = read_body(SendBackSerializer, request)
        sent_back = reviews.return_to_author(reviewer=person_of(request), work_item_id=work_item, note=body["note"])
        return _reviewed(sent_back.judgement)


class RequeueView(_ActView):
    """For somebody else."""

    @extend_schema(
        operation_id="reviews_requeue",
        request=None,
        responses={200: ReviewedSerializer, **REFUSED},
        examples=[OpenApiExample("Re-queued", value={"work_item": ITEM, "review": "requeued"}, response_only=True)],
    )
    def post(self, request: Request, work_item: UUID) -> Response:
        """Have somebody else judge it. What stood on it is set aside as well."""
        return _reviewed(reviews.requeue(reviewer=person_of(request), work_item_id=work_item).judgement)


class AskSomebodyElseView(_ActView):
    """A second opinion."""

    @extend_schema(
        operation_id="reviews_ask_somebody_else",
        request=None,
        responses={200: AskedSerializer, 409: OpenApiResponse(description="`nothing_to_compare`.")},
        examples=[OpenApiExample("Asked", value={"work_item": ITEM, "state": "wanted"}, response_only=True)],
    )
    def post(self, request: Request, work_item: UUID) -> Response:
        """Want a second opinion now, whatever the shares say. The judgement counts meanwhile."""
        opinion = second_opinions.ask_somebody_else(work_item_id=work_item)
        return Response({"work_item": str(work_item), "state": opinion.state})


class AgreementView(APIView):
    """How well people agree."""

    permission_classes = [HasRole(Role.REVIEWER, Role.ML_ENGINEER)]

    @extend_schema(
        operation_id="agreement",
        responses=AgreementSerializer,
        examples=[
            OpenApiExample(
                "Two people",
                value={
                    "people": [{"username": "mira"} | AGREED_EXAMPLE],
                    "stages": [AGREED_EXAMPLE | {"measures": [{"name": "iou", "count": 4, "mean": 0.91}]}],
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request) -> Response:
        """Agreement by person and stage, gold and overlap apart, with the interval in which it lies."""
        return Response(AgreementSerializer({"people": agreement.by_person(), "stages": agreement.by_stage()}).data)


class StageSharesListView(APIView):
    """How often second opinions are drawn."""

    permission_classes = [HasRole(Role.REVIEWER, Role.ML_ENGINEER)]

    @extend_schema(
        operation_id="stage_shares_list",
        responses=StageSharesSerializer(many=True),
        examples=[OpenApiExample("Masks", value={"stage": "mask"} | SHARES_EXAMPLE, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """The shares of every stage that can be judged twice."""
        return Response([asdict(shares) for shares in second_opinions.all_shares()])


class StageSharesView(IdempotentWrites, APIView):
    """How often second opinions of one stage are drawn."""

    permission_classes = [HasRole(Role.REVIEWER, Role.ML_ENGINEER)]

    @extend_schema(
        operation_id="stage_shares_set",
        request=SharesSerializer,
        responses={200: StageSharesSerializer, 409: OpenApiResponse(description="`nothing_to_compare`.")},
        examples=[
            OpenApiExample("A little", value=SHARES_EXAMPLE, request_only=True),
            OpenApiExample("Set", value={"stage": "mask"} | SHARES_EXAMPLE, response_only=True),
        ],
    )
    def put(self, request: Request, stage: str) -> Response:
        """Draw so many from now on; what was drawn before stays."""
        body: dict[str, Any] = read_body(SharesSerializer, request)
        return Response(asdict(second_opinions.set_shares(actor=person_of(request), stage=stage, **body)))


def _reviewed(judgement: Judgement) -> Response:
    return Response({"work_item": str(judgement.pk), "review": judgement.review})
