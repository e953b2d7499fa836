"""Evaluations, for ML engineers: freeze a set, register, start, read the results."""

from typing import Any
from uuid import UUID

from django.db.models import Count
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engine.bodies import read_body
from engine.flywheel.voting import advancing, registering
from engine.flywheel.voting.models import Evaluation, EvaluationSet
from engine.flywheel.voting.registering import ContenderPlan
from engine.flywheel.voting.results import results
from engine.flywheel.voting.serializers import (
    EvaluationDetailSerializer,
    EvaluationSerializer,
    EvaluationSetSerializer,
    FreezeSetSerializer,
    RegisterSerializer,
    WithdrawSerializer,
)
from engine.pagination import NewestFirst
from engine.workforce.idempotency import IdempotentWrites
from engine.workforce.models import Role
from engine.workforce.permissions import HasRole, person_of

ENGINEERS = [HasRole(Role.ML_ENGINEER)]
MOVED_ON = OpenApiResponse(description="`illegal_evaluation_move`: it has moved on.")
NO_SUCH = OpenApiResponse(description="`no_such_evaluation`")

PLAN = {
    "name": "k2 against k1",
    "set": "kitchen",
    "contenders": [
        {"name": "k1", "generator": "sam3d", "model_version": "k1-dpo"},
        {"name": "k2", "generator": "sam3d", "model_version": "k2-dpo"},
        {"name": "retrieval", "generator": "retrieval"},
    ],
    "baseline": "k1",
    "seeds": [0, 1],
    "voters_per_item": 2,
}
EVALUATION = {
    "id": "2f6a1c0e-7b1d-4f0e-9d59-0c8b7a6f5e43",
    "name": "k2 against k1",
    "set": "kitchen",
    "coloured": False,
    "seeds": [0, 1],
    "voters_per_item": 2,
    "state": "voting",
    "note": "",
    "registered_by": "eng",
    "registered_at": "2026-03-01T12:40:00Z",
    "ended_at": None,
    "contenders": ["k1", "k2", "retrieval"],
}


class EvaluationSetsView(IdempotentWrites, ListAPIView):  # type: ignore[type-arg]
    """Fixed sets."""

    permission_classes = ENGINEERS
    serializer_class = EvaluationSetSerializer
    queryset = EvaluationSet.objects.annotate(target_count=Count("targets"))

    class pagination_class(NewestFirst):  # noqa: N801  (DRF's name)
        """By birth."""

        ordering = ("-created_at", "-id")

    @extend_schema(operation_id="evaluation_sets")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """All sets, newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="evaluation_set_freeze",
        request=FreezeSetSerializer,
        responses={
            201: EvaluationSetSerializer,
            409: OpenApiResponse(description="`evaluation_name_taken`"),
            422: OpenApiResponse(description="`unusable_evaluation`: what is wrong is named."),
        },
        examples=[
            OpenApiExample(
                "Two targets",
                request_only=True,
                value={
                    "name": "kitchen",
                    "target_ids": [
                        "3d1f0b62-6a5e-4a8c-8a4c-0a5f1f6f8a11",
                        "0b0d9cf1-5d0e-4f2a-8a1e-7a2b4a2f9c11",
                    ],
                },
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Freeze targets with photograph, mask and point map as they are now."""
        body = read_body(FreezeSetSerializer, request)
        made = registering.freeze_set(actor=person_of(request), **body)
        made.target_count = len(set(body["target_ids"]))  # type: ignore[attr-defined]
        return Response(EvaluationSetSerializer(made).data, status=201)


class EvaluationsView(IdempotentWrites, ListAPIView):  # type: ignore[type-arg]
    """All evaluations, whatever came out."""

    permission_classes = ENGINEERS
    serializer_class = EvaluationSerializer
    queryset = Evaluation.objects.select_related("set", "registered_by").prefetch_related("contenders")

    class pagination_class(NewestFirst):  # noqa: N801  (DRF's name)
        """By registration."""

        ordering = ("-registered_at", "-id")

    @extend_schema(operation_id="evaluations", examples=[OpenApiExample("An evaluation", value=EVALUATION)])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Every evaluation that was ever registered, newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="evaluation_register",
        request=RegisterSerializer,
        responses={
            201: EvaluationSerializer,
            404: OpenApiResponse(description="`no_such_evaluation_set`"),
            409: OpenApiResponse(description="`evaluation_name_taken`"),
            422: OpenApiResponse(description="`unusable_evaluation`: what is wrong is named."),
        },
        examples=[
            OpenApiExample("Two checkpoints and a library", request_only=True, value=PLAN),
            OpenApiExample("Registered", response_only=True, value=EVALUATION | {"state": "registered"}),
        ],
    )
    def post(self, request: Request) -> Response:
        """Register an evaluation; its plan does not change from here on. `start` begins it."""
        body = read_body(RegisterSerializer, request)
        plans = [ContenderPlan(**contender) for contender in body.pop("contenders")]
        evaluation = registering.register(set_name=body.pop("set"), contenders=plans, actor=person_of(request), **body)
        return Response(EvaluationSerializer(evaluation).data, status=201)


class EvaluationView(APIView):
    """One evaluation."""

    permission_classes = ENGINEERS

    @extend_schema(operation_id="evaluation", responses={200: EvaluationDetailSerializer, 404: NO_SUCH})
    def get(self, request: Request, evaluation: UUID) -> Response:
        """The plan and the results so far: ratings with intervals, wins, agreement."""
        found = advancing.evaluation_with(evaluation)
        found.results = results(found)  # type: ignore[attr-defined]
        return Response(EvaluationDetailSerializer(found).data)


class StartEvaluationView(IdempotentWrites, APIView):
    """Beginning."""

    permission_classes = ENGINEERS

    @extend_schema(
        operation_id="evaluation_start",
        request=None,
        responses={200: EvaluationSerializer, 404: NO_SUCH, 409: MOVED_ON},
    )
    def post(self, request: Request, evaluation: UUID) -> Response:
        """Have the contenders generate; voting begins by itself when they have."""
        found = advancing.start(evaluation_id=evaluation, actor=person_of(request))
        return Response(EvaluationSerializer(found).data)


class CloseEvaluationView(IdempotentWrites, APIView):
    """Ending early."""

    permission_classes = ENGINEERS

    @extend_schema(
        operation_id="evaluation_close",
        request=None,
        responses={200: EvaluationSerializer, 404: NO_SUCH, 409: MOVED_ON},
    )
    def post(self, request: Request, evaluation: UUID) -> Response:
        """End the voting with what was handed in so far; that it was ended by hand is published with it."""
        found = advancing.close(evaluation_id=evaluation, actor=person_of(request))
        return Response(EvaluationSerializer(found).data)


class WithdrawEvaluationView(IdempotentWrites, APIView):
    """Taking back."""

    permission_classes = ENGINEERS

    @extend_schema(
        operation_id="evaluation_withdraw",
        request=WithdrawSerializer,
        responses={200: EvaluationSerializer, 404: NO_SUCH, 409: MOVED_ON},
        examples=[OpenApiExample("A wrong set", request_only=True, value={"reason": "half of the set was trained on"})],
    )
    def post(self, request: Request, evaluation: UUID) -> Response:
        """Say that the evaluation is not to be relied on, and why. It stays in the list."""
        body = read_body(WithdrawSerializer, request)
        found = advancing.withdraw(evaluation_id=evaluation, actor=person_of(request), **body)
        return Response(EvaluationSerializer(found).data)
