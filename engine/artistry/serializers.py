"""Stage 2.5 over HTTP, for artists and reviewers."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from engine.artistry import texts
from engine.artistry.models import ArtistJob, MeshUpload, TriageCase
from engine.artistry.services import ArtistTask
from engine.layouts import PoseSerializer
from engine.selection.serializers import SubmitSerializer
from engine.sourcing.models import PointMap
from engine.sourcing.task_serializers import (
    TargetTaskSerializer,
    TaskImageSerializer,
    TaskMaskSerializer,
    TextSerializer,
)
from engine.storage.services import signed_url
from engine.workforce.serializers import TokenSerializer


class IntrinsicsSerializer(serializers.Serializer[PointMap]):
    """Focal lengths and principal point in pixels."""

    fx = serializers.FloatField()
    fy = serializers.FloatField()
    cx = serializers.FloatField()
    cy = serializers.FloatField()
    width = serializers.IntegerField(source="image.width_px")
    height = serializers.IntegerField(source="image.height_px")


class TaskPointMapSerializer(serializers.Serializer[PointMap]):
    """Point map P: an .npz with `points_camera` (height, width, 3) float32, camera frame, NaN where unknown."""

    url = serializers.SerializerMethodField()
    scale = serializers.CharField(help_text="`metric` (metres) or `relative`.")
    source = serializers.CharField(  # type: ignore[assignment]  # the base class has an attribute of this name
        help_text="`given`, `predicted`, or `prior`: a coarse guess."
    )
    intrinsics = IntrinsicsSerializer(source="*")

    def get_url(self, point_map: PointMap) -> str:
        return signed_url(blob=point_map.blob)


class UploadSerializer(serializers.Serializer[Any]):
    """A mesh that was sent. `mesh_url` gives it as rewritten by the engine, once it is usable."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=MeshUpload.Status.choices)
    problem = serializers.CharField(help_text="Why it was refused.")
    vertex_count = serializers.IntegerField(allow_null=True)
    face_count = serializers.IntegerField(allow_null=True)
    watertight = serializers.BooleanField(allow_null=True)
    mesh_url = serializers.SerializerMethodField()

    def get_mesh_url(self, upload: Any) -> str | None:
        values = upload if isinstance(upload, dict) else {"id": upload.id, "status": upload.status}
        if values["status"] != MeshUpload.Status.USABLE:
            return None
        return reverse("artist-upload-mesh", args=[self.context["work_item"], values["id"]])


class ArtistTaskSerializer(TargetTaskSerializer):
    """A whole artist job. `attempts` are the best shapes so far, best first."""

    failure_reason = serializers.CharField(source="job.case.failure_reason")
    note = serializers.CharField(source="job.case.note", help_text="What the reviewer who chose the case wrote.")
    brief = serializers.CharField(source="job.brief", help_text="What is to be changed in a mesh that came back.")
    attempts = serializers.SerializerMethodField()
    point_map = TaskPointMapSerializer(allow_null=True)
    uploads = serializers.SerializerMethodField()
    guidelines = serializers.SerializerMethodField()

    @extend_schema_field(
        {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"mesh_url": {"type": "string"}, "rating": {"type": "number"}},
                "required": ["mesh_url", "rating"],
            },
        }
    )
    def get_attempts(self, task: ArtistTask) -> list[dict[str, Any]]:
        return [
            {"mesh_url": reverse("artist-attempt-mesh", args=[task.work_item.id, place]), "rating": rating}
            for place, rating in enumerate(task.attempts)
        ]

    @extend_schema_field(UploadSerializer(many=True))
    def get_uploads(self, task: ArtistTask) -> Any:
        return UploadSerializer(task.uploads, many=True, context={"work_item": task.work_item.id}).data

    @extend_schema_field(TextSerializer)
    def get_guidelines(self, task: ArtistTask) -> Any:
        return TextSerializer(texts.guidelines()).data


class UploadFileSerializer(serializers.Serializer[Any]):
    """Multipart body of an upload."""

    file = serializers.FileField(help_text="GLB, OBJ, PLY or STL.", allow_empty_file=True)


class SubmitMeshSerializer(SubmitSerializer):
    """Body that ends a job."""

    upload_id = serializers.UUIDField()
    pose = PoseSerializer(required=False, allow_null=True, default=None)


class DeclineSerializer(TokenSerializer):
    """Body that gives a job back."""

    reason = serializers.CharField(max_length=2000)


class ReturnSerializer(serializers.Serializer[Any]):
    """Body that sends a mesh back."""

    reason = serializers.CharField(max_length=2000)


class ReviewSerializer(serializers.Serializer[ArtistJob]):
    """A submitted mesh that waits for a reviewer."""

    work_item = serializers.UUIDField(source="work_item_id")
    submitted_by = serializers.CharField(source="submitted_by.username")
    submitted_at = serializers.DateTimeField()
    upload = serializers.SerializerMethodField()
    pose = PoseSerializer(allow_null=True)
    image = TaskImageSerializer(source="target.image")
    mask = TaskMaskSerializer(source="target")
    category = serializers.CharField(source="target.category")
    description = serializers.CharField(source="target.description")
    failure_reason = serializers.CharField(source="case.failure_reason")

    @extend_schema_field(UploadSerializer)
    def get_upload(self, job: ArtistJob) -> Any:
        return UploadSerializer(job.upload, context={"work_item": job.work_item_id}).data


class TriageCaseSerializer(serializers.Serializer[TriageCase]):
    """A hard case. `best_attempt_url` gives the best shape so far, if people rated any."""

    id = serializers.UUIDField()
    target = serializers.UUIDField(source="target_id")
    failure_reason = serializers.CharField()
    decision = serializers.CharField()
    note = serializers.CharField()
    duplicate_of = serializers.UUIDField(source="duplicate_of_id", allow_null=True)
    created_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    image = TaskImageSerializer(source="target.image")
    mask = TaskMaskSerializer(source="target")
    category = serializers.CharField(source="target.category")
    description = serializers.CharField(source="target.description")
    best_attempt_url = serializers.SerializerMethodField()

    def get_best_attempt_url(self, case: TriageCase) -> str | None:
        shown = getattr(case, "best_presentation_id", None)
        return reverse("presentation-mesh", args=[shown]) if shown else None


class DecisionSerializer(serializers.Serializer[TriageCase]):
    """What was decided about a case."""

    id = serializers.UUIDField(read_only=True)
    decision = serializers.CharField(read_only=True)
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=2000)


class ShelveSerializer(DecisionSerializer):
    """Why a case is put aside."""

    duplicate_of = serializers.UUIDField(
        source="duplicate_of_id", required=False, allow_null=True, default=None, help_text="The case that it repeats."
    )
