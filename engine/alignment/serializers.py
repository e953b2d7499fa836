"""Stage 3 over HTTP. Annotators do not learn who made the shape."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from engine.alignment import texts
from engine.alignment.models import Alignment, AssistanceUse, NotAlignable
from engine.alignment.scoring import TOLERANCE_SHARE
from engine.alignment.services import AlignmentTask, prepared_point_cloud
from engine.artistry.serializers import TaskPointMapSerializer
from engine.layouts import PoseSerializer
from engine.selection.serializers import SubmitSerializer
from engine.sourcing.task_serializers import TargetTaskSerializer, TextSerializer
from engine.storage.services import signed_url

# Of assistance in one task; a page that sends more is broken.
MOST_USES = 200


class PointCloudSerializer(serializers.Serializer[Alignment]):
    """The point map as the page draws it: `engine.alignment.point_cloud` says how the bytes are laid out."""

    url = serializers.SerializerMethodField()
    size_bytes = serializers.IntegerField(source="point_cloud.size_bytes")

    def get_url(self, alignment: Alignment) -> str:
        return signed_url(blob=prepared_point_cloud(alignment))


class GroundPlaneSerializer(serializers.Serializer[Any]):
    """All x with normal · x = offset, camera frame; the unit normal points up."""

    normal = serializers.ListField(child=serializers.FloatField(), min_length=3, max_length=3)
    offset = serializers.FloatField()


class PlacedObjectSerializer(serializers.Serializer[Any]):
    """Another object of the photograph that was placed already, in the same point map."""

    mesh_url = serializers.CharField()
    pose = PoseSerializer()
    category = serializers.CharField()


class AlignmentTaskSerializer(TargetTaskSerializer):
    """A whole Stage 3 task."""

    mesh_url = serializers.SerializerMethodField()
    point_map = TaskPointMapSerializer()
    initial_pose = PoseSerializer(
        source="alignment.initial_pose", allow_null=True, help_text="Where to begin; null where nothing is known."
    )
    initial_pose_source = serializers.CharField(
        source="alignment.initial_pose_source", help_text="`predicted` with the shape, or from the `target_points`."
    )
    point_cloud = PointCloudSerializer(source="alignment")
    ground_plane = GroundPlaneSerializer(source="alignment.ground_plane", allow_null=True)
    inlier_tolerance = serializers.FloatField(
        source="alignment.inlier_tolerance", allow_null=True, help_text="τ in the unit of the point map."
    )
    placed = serializers.SerializerMethodField()
    inlier_tolerance_share = serializers.SerializerMethodField(
        help_text="τ over the diagonal of the box around the object's points (2nd to 98th percentile of each axis)."
    )
    guidelines = serializers.SerializerMethodField()

    def get_mesh_url(self, task: AlignmentTask) -> str:
        return reverse("alignment-mesh", args=[task.work_item.id])

    def get_inlier_tolerance_share(self, task: AlignmentTask) -> float:
        return TOLERANCE_SHARE

    @extend_schema_field(PlacedObjectSerializer(many=True))
    def get_placed(self, task: AlignmentTask) -> list[dict[str, Any]]:
        return [
            {
                "mesh_url": reverse("alignment-placed-mesh", args=[task.work_item.id, other.target_id]),
                "pose": other.pose,
                "category": other.target.category or other.target.free_category,
            }
            for other in task.placed
        ]

    @extend_schema_field(TextSerializer)
    def get_guidelines(self, task: AlignmentTask) -> Any:
        return TextSerializer(texts.guidelines()).data


class JudgedAlignmentSerializer(AlignmentTaskSerializer):
    """A Stage 3 judgement: the task, and the pose or why there is none."""

    pose = PoseSerializer(source="alignment.pose", allow_null=True)
    not_alignable = serializers.ChoiceField(
        source="alignment.not_alignable", choices=NotAlignable.choices, allow_blank=True
    )
    silhouette_iou = serializers.FloatField(source="alignment.silhouette_iou", allow_null=True)
    inlier_share = serializers.FloatField(source="alignment.inlier_share", allow_null=True)


class AssistanceUseSerializer(serializers.ModelSerializer[AssistanceUse]):
    """A proposal that was asked for, with the page's scores before and after it."""

    class Meta:
        model = AssistanceUse
        exclude = ("id", "alignment")


class AskForPoseSerializer(serializers.Serializer[Any]):
    """Body that asks for a better pose, or for others: where the mesh is now."""

    pose = PoseSerializer()


class ProposalSerializer(serializers.Serializer[Any]):
    """A pose that the engine proposes, with the scores that it would give it."""

    pose = PoseSerializer()
    silhouette_iou = serializers.FloatField()
    inlier_share = serializers.FloatField(allow_null=True)


class SnappedSerializer(ProposalSerializer):
    """The fitted pose, and whether the mesh would fit clearly better front to back."""

    better_turned = serializers.BooleanField()


class SubmitAlignmentSerializer(SubmitSerializer):
    """Body that ends an alignment: a pose, or the reason why there is none."""

    pose = PoseSerializer(required=False, allow_null=True, default=None)
    not_alignable = serializers.ChoiceField(
        choices=NotAlignable.choices, required=False, allow_blank=True, allow_null=True, default=""
    )
    client_silhouette_iou = serializers.FloatField(required=False, allow_null=True, default=None)
    client_inlier_share = serializers.FloatField(required=False, allow_null=True, default=None)
    assistance = serializers.ListField(
        child=AssistanceUseSerializer(), required=False, default=list, max_length=MOST_USES
    )

    def validate_not_alignable(self, value: str | None) -> str:
        return value or ""
