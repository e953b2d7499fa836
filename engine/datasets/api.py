"""The API of snapshots, for ML engineers. They are made by the flywheel and by nothing else."""

from typing import Any

from django.db.models import Prefetch
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from engine.datasets.models import Shard, Snapshot
from engine.datasets.serializers import SnapshotDetailSerializer, SnapshotSerializer
from engine.pagination import NewestFirst
from engine.workforce.models import Role
from engine.workforce.permissions import HasRole

SNAPSHOT = {
    "id": "6f2a0d0e-22b1-4c1e-9f0b-0c7a3f6f2a11",
    "iteration": 1,
    "alpha": 0.5,
    "status": "frozen",
    "cutoff_at": "2026-03-01T12:30:00Z",
    "frozen_at": "2026-03-01T12:31:00Z",
    "sha256": "9b74c9897bac770ffc029102a200c5de2b5f0a3c7f1d0f9d2f8f1a0c7e4b6d21",
    "example_count": 171,
    "negative_count": 402,
    "direct_pair_count": 380,
    "inferred_pair_count": 120,
    "below_alpha_count": 29,
    "posed_count": 160,
    "error": "",
}
FILE = {
    "name": "examples-000000.tar",
    "kind": "examples",
    "row_count": 171,
    "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    "size_bytes": 61440000,
    "url": "/api/v1/blobs/…",
}


class NewestSnapshots(NewestFirst):
    """By iteration."""

    ordering = "-iteration"


class SnapshotsView(ListAPIView):  # type: ignore[type-arg]
    """All snapshots."""

    permission_classes = [HasRole(Role.ML_ENGINEER)]
    serializer_class = SnapshotSerializer
    pagination_class = NewestSnapshots
    queryset = Snapshot.objects.all()

    @extend_schema(operation_id="snapshots", examples=[OpenApiExample("A snapshot", value=SNAPSHOT)])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Snapshots, the last iteration's first."""
        return super().get(request, *args, **kwargs)


class SnapshotView(RetrieveAPIView):  # type: ignore[type-arg]
    """One snapshot."""

    permission_classes = [HasRole(Role.ML_ENGINEER)]
    serializer_class = SnapshotDetailSerializer
    queryset = Snapshot.objects.select_related("manifest").prefetch_related(
        Prefetch("shards", Shard.objects.select_related("blob").order_by("kind", "number"), to_attr="files")
    )

    @extend_schema(
        operation_id="snapshot",
        examples=[
            OpenApiExample(
                "A snapshot",
                value=SNAPSHOT
                | {
                    "options": {"dpo_loser_generators": ["sam3d"], "purposes": ["collect"]},
                    "counts": {"judged": 200, "examples": 171, "examples_dropped": {"below_alpha": 29}},
                    "manifest_url": "/api/v1/blobs/…",
                    "files": [FILE],
                },
            )
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A snapshot with its counts and its files, to be downloaded by the signed URLs."""
        return super().get(request, *args, **kwargs)
