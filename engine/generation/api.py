"""Stage 2, behind the scenes: what was asked of the generators and what came back. For ML engineers."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from engine.generation.models import GenerationRequest
from engine.generation.serializers import RequestFilterSerializer, RequestSerializer
from engine.pagination import NewestFirst
from engine.workforce.models import Role
from engine.workforce.permissions import HasRole

REQUEST_EXAMPLE = {
    "id": "8b8e1c0a-6a2e-4c0f-9e0c-0d0a3c5f7e11",
    "target": "5a5b1f8e-0b68-4b5e-9a55-7d8a4b6f1c20",
    "iteration": 1,
    "modality": "shape",
    "round": 1,
    "status": "filled",
    "created_at": "2026-03-01T12:00:00Z",
    "closed_at": "2026-03-01T12:00:09Z",
    "runs": [
        {
            "id": "0a1b2c3d-1f7e-4a43-9d0b-6f4f3a1f2c33",
            "generator": "retrieval",
            "status": "succeeded",
            "attempt": 1,
            "seeds": [1787664744],
            "error": "",
            "duration_ms": 412,
            "worker": "gpu-1",
            "ended_at": "2026-03-01T12:00:04Z",
            "candidates": [
                {
                    "id": "3d35b0e6-5c1a-4a0c-8d2c-6f8b53c3d111",
                    "seed": 1787664744,
                    "model_version_id": None,
                    "mesh": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "latent": None,
                    "vertex_count": 802,
                    "face_count": 1596,
                    "watertight": True,
                    "parameters": {"category": "mug", "library_seed": 2},
                }
            ],
        }
    ],
}


class NewestRequests(NewestFirst):
    """By opening."""

    ordering = ("-created_at", "id")


class RequestsView(generics.ListAPIView[GenerationRequest]):
    """Requests to the generator suite."""

    permission_classes = [HasRole(Role.ML_ENGINEER)]
    serializer_class = RequestSerializer
    pagination_class = NewestRequests
    queryset = GenerationRequest.objects.select_related("collection").prefetch_related("runs__candidates")

    @extend_schema(
        operation_id="generation_requests_list",
        parameters=[RequestFilterSerializer],
        examples=[OpenApiExample("A round for a target", value=REQUEST_EXAMPLE, response_only=True)],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List requests with their runs and candidates, of one target or status where asked."""
        return super().get(request, *args, **kwargs)

    def filter_queryset(self, queryset: Any) -> Any:
        """Apply the query parameters."""
        filters = RequestFilterSerializer(data=self.request.query_params)
        filters.is_valid(raise_exception=True)
        return super().filter_queryset(queryset.filter(**filters.validated_data))
