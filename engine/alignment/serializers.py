"""Stage 3 over HTTP. Annotators do not learn who made the shape."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from engine.alignment import texts
from engine.alignment.models import NotAlignable
from engine.alignment.scoring import TOLERANCE_SHARE
from engine.alignment.services import AlignmentTask
from engine.artistry.serializers import TaskPointMapSerializer
from engine.layouts import PoseSerializer
from engine.selection.serializers import SubmitSerializer
from engine.sourcing.task_serializers import TargetTaskSerializer, TextSerializer


class AlignmentTaskSerializer(TargetTaskSerializer):
    """A whole Stage 3 task."""

    mesh_url = serializers.SerializerMethodField()
    point_map = TaskPointMapSerializer()
    initial_pose = PoseSerializer(
        source="alignment.initial_pose", allow_null=True, help_text="Where to begin; null where nothing is known."
    )
    inlier_tolerance_share = serializers.SerializerMethodField(
        help_text="τ over the diagonal of the box around the object's points (2nd to 98th percentile of each axis)."
    )
    guidelines = serializers.SerializerMethodField()

    def get_mesh_url(self, task: AlignmentTask) -> str:
        return reverse("alignment-mesh", args=[task.work_item.id])

    def get_inlier_tolerance_share(self, task: AlignmentTask) -> float:
        return TOLERANCE_SHARE

    @extend_schema_field(TextSerializer)
    def get_guidelines(self, task: AlignmentTask) -> Any:
        return TextSerializer(texts.guidelines()).data


class SubmitAlignmentSerializer(SubmitSerializer):
    """Body that ends an alignment: a pose, or the reason why there is none."""

    pose = PoseSerializer(required=False, allow_null=True, default=None)
    not_alignable = serializers.ChoiceField(
        choices=NotAlignable.choices, required=False, allow_blank=True, allow_null=True, default=""
    )
    client_silhouette_iou = serializers.FloatField(required=False, allow_null=True, default=None)
    client_inlier_share = serializers.FloatField(required=False, allow_null=True, default=None)

    def validate_not_alignable(self, value: str | None) -> str:
        return value or ""
