"""The API of the flywheel, for ML engineers; where it stands may be known by everybody who is signed in."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engine.bodies import read_body
from engine.flywheel import services
from engine.flywheel.models import ModelVersion
from engine.flywheel.reporting import iteration_detail, iteration_summary, model_version
from engine.flywheel.serializers import (
    FlywheelStatusSerializer,
    IterationDetailSerializer,
    IterationResumeSerializer,
    IterationSerializer,
    IterationStartSerializer,
    ModelVersionSerializer,
)
from engine.pagination import NewestFirst
from engine.workforce.idempotency import IdempotentWrites
from engine.workforce.models import Role
from engine.workforce.permissions import HasRole, has_role, person_of

ENGINEERS = [HasRole(Role.ML_ENGINEER)]
NO_SUCH_ITERATION = OpenApiResponse(description="`no_such_iteration`: there is none of this number.")

VERSION = {
    "id": "3f0c1c59-6c3c-4a43-a5a3-0d8f1a3a9b55",
    "name": "k1-dpo",
    "parent": "k1-sft",
    "stage": "dpo",
    "recipe": "mini_dpo",
    "snapshot": "6f2a0d0e-22b1-4c1e-9f0b-0c7a3f6f2a11",
    "metrics": {"voxel_iou": 0.51, "f1_at_0p01": 0.14},
    "training_metrics": {"loss": 0.61},
    "promoted": True,
    "created_at": "2026-03-01T12:40:00Z",
}
ITERATION = {
    "number": 1,
    "step": "sft",
    "failed": False,
    "failure": "",
    "alpha": 0.5,
    "started_at": "2026-03-01T12:00:00Z",
    "step_entered_at": "2026-03-01T12:31:00Z",
    "ended_at": None,
    "seconds_by_step": {"collecting": 1800.0, "freezing": 12.5},
    "skipped": {},
    "base": "k0-pretrain",
    "sft_version": None,
    "dpo_version": None,
    "snapshot_sha256": "9b74c9897bac770ffc029102a200c5de2b5f0a3c7f1d0f9d2f8f1a0c7e4b6d21",
    "decision": {},
    "settings": {"suite": {"retrieval": 2, "sam3d": 6}, "target_limit": 200},
}
PROGRESS = {
    "runs": [
        {
            "iteration": 1,
            "purpose": "sft",
            "kind": "train",
            "status": "sent",
            "attempt": 1,
            "step": 40,
            "total_steps": 80,
            "metrics": {"loss": 0.71},
            "duration_seconds": None,
            "error": "",
        }
    ],
    "progress": {
        "collecting": {"done": 200, "total": 200, "note": "180 done, 20 shelved"},
        "freezing": {"done": 1, "total": 1, "note": "171 examples"},
        "sft": {"done": 40, "total": 80, "note": "sent"},
    },
}


class StatusView(APIView):
    """Where the flywheel stands."""

    @extend_schema(
        operation_id="flywheel_status",
        responses=FlywheelStatusSerializer,
        examples=[
            OpenApiExample(
                "Collecting",
                value={
                    "iteration": {"number": 2, "step": "collecting", "failed": False, "failure": "", "alpha": 0.6},
                    "promoted": "k1-dpo",
                },
            )
        ],
    )
    def get(self, request: Request) -> Response:
        """The last iteration and the promoted model version.

        Why it failed is for those who can mend it, and which checkpoint proposes is not for those who judge blind.
        """
        status = services.status()
        if not has_role(request.user, Role.ML_ENGINEER):
            iteration = status["iteration"]
            status = {"iteration": iteration and iteration | {"failure": ""}, "promoted": None}
        return Response(FlywheelStatusSerializer(status).data)


class IterationsView(IdempotentWrites, APIView):
    """Starting iterations."""

    permission_classes = ENGINEERS

    @extend_schema(
        operation_id="iteration_start",
        request=IterationStartSerializer,
        responses={
            201: IterationSerializer,
            409: OpenApiResponse(description="`iteration_running`: one at a time."),
            422: OpenApiResponse(description="`unusable_settings`: what is wrong is named."),
        },
        examples=[
            OpenApiExample("With a limit", request_only=True, value={"alpha": 0.5, "settings": {"target_limit": 200}}),
            OpenApiExample("An iteration", response_only=True, value=ITERATION),
        ],
    )
    def post(self, request: Request) -> Response:
        """Start the next iteration; it then runs by itself."""
        body = read_body(IterationStartSerializer, request)
        iteration = services.start(alpha=body["alpha"], settings=body["settings"], actor=person_of(request))
        return Response(IterationSerializer(iteration_summary(iteration)).data, status=201)


class IterationView(APIView):
    """One iteration."""

    permission_classes = ENGINEERS

    @extend_schema(
        operation_id="iteration",
        responses={200: IterationDetailSerializer, 404: NO_SUCH_ITERATION},
        examples=[OpenApiExample("An iteration", value=ITERATION | PROGRESS)],
    )
    def get(self, request: Request, number: int) -> Response:
        """Step, settings, runs and how far each is."""
        return Response(IterationDetailSerializer(iteration_detail(services.iteration_numbered(number))).data)


class ResumeView(IdempotentWrites, APIView):
    """Going on after a failure."""

    permission_classes = ENGINEERS

    @extend_schema(
        operation_id="iteration_resume",
        request=IterationResumeSerializer,
        responses={
            200: IterationSerializer,
            404: NO_SUCH_ITERATION,
            409: OpenApiResponse(description="`nothing_to_resume`: it did not fail."),
        },
        examples=[
            OpenApiExample(
                "A lower learning rate",
                request_only=True,
                value={"settings": {"sft": {"recipe": "mini_sft", "overrides": {"optimiser.learning_rate": 5e-5}}}},
            ),
            OpenApiExample("An iteration", response_only=True, value=ITERATION),
        ],
    )
    def post(self, request: Request, number: int) -> Response:
        """Try the step that failed again, with a new run; what was collected and trained is kept."""
        body = read_body(IterationResumeSerializer, request)
        iteration = services.resume(
            number=number, actor=person_of(request), settings=body["settings"], skip=body["skip"]
        )
        return Response(IterationSerializer(iteration_summary(iteration)).data)


class StopCollectingView(IdempotentWrites, APIView):
    """Ending a collection early."""

    permission_classes = ENGINEERS

    @extend_schema(
        operation_id="iteration_stop_collecting",
        request=None,
        responses={
            200: IterationSerializer,
            404: NO_SUCH_ITERATION,
            409: OpenApiResponse(description="`not_collecting`: it has left that step."),
        },
        examples=[OpenApiExample("An iteration", response_only=True, value=ITERATION)],
    )
    def post(self, request: Request, number: int) -> Response:
        """Go on with what was collected so far; targets under way count in the next snapshot."""
        iteration = services.stop_collecting(number=number, actor=person_of(request))
        return Response(IterationSerializer(iteration_summary(iteration)).data)


class NewestVersions(NewestFirst):
    """By birth."""

    ordering = ("-created_at", "-id")


class ModelVersionsView(ListAPIView):  # type: ignore[type-arg]
    """All checkpoints."""

    permission_classes = ENGINEERS
    serializer_class = ModelVersionSerializer
    pagination_class = NewestVersions
    queryset = ModelVersion.objects.select_related("parent")

    @extend_schema(operation_id="model_versions", examples=[OpenApiExample("A model version", value=VERSION)])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Model versions with their lineage, newest first."""
        page = self.paginate_queryset(self.get_queryset())
        rows = [model_version(version) for version in page or ()]
        return self.get_paginated_response(ModelVersionSerializer(rows, many=True).data)


class PromoteView(IdempotentWrites, APIView):
    """Promotion by hand."""

    permission_classes = ENGINEERS

    @extend_schema(
        operation_id="model_version_promote",
        request=None,
        responses={
            200: ModelVersionSerializer,
            404: OpenApiResponse(description="`no_such_model_version`"),
            409: OpenApiResponse(description="`promotion_raced`: somebody promoted another one at the same moment."),
        },
        examples=[OpenApiExample("A model version", response_only=True, value=VERSION)],
    )
    def post(self, request: Request, version_id: UUID) -> Response:
        """Have generators sample from this version from the next collection on."""
        version = services.promote(model_version_id=version_id, actor=person_of(request))
        return Response(ModelVersionSerializer(model_version(version)).data)
