"""Stage 1 over HTTP: tasks for annotators, images and targets for ML engineers."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from engine.contracts.masks import MaskRle
from engine.lifecycle import State
from engine.sourcing import mask_tasks
from engine.sourcing.models import DiscardReason, Image, MaskTask, MaskVerdict, TargetObject
from engine.storage.services import signed_url

LONGEST_DURATION_MS = 2**31 - 1


class MaskRunsSerializer(serializers.Serializer[Any]):
    """A mask as uncompressed COCO run lengths: column-major, zeros first."""

    height = serializers.IntegerField(min_value=1)
    width = serializers.IntegerField(min_value=1)
    counts = serializers.ListField(child=serializers.IntegerField(min_value=0), allow_empty=False)

    def to_internal_value(self, data: Any) -> Any:
        checked = super().to_internal_value(data)
        return MaskRle(height=checked["height"], width=checked["width"], counts=tuple(checked["counts"]))


class PhotographSerializer(serializers.Serializer[Image]):
    """Where to load a photograph from (the URL is signed now), and its size."""

    url = serializers.SerializerMethodField()
    width = serializers.IntegerField(source="width_px")
    height = serializers.IntegerField(source="height_px")

    def get_url(self, image: Image) -> str:
        return signed_url(blob=image.blob)


class GuidelinesSerializer(serializers.Serializer[Any]):
    """Markdown and its version."""

    version = serializers.CharField()
    markdown = serializers.CharField()


class MaskTaskSerializer(serializers.Serializer[MaskTask]):
    """A whole Stage 1 task."""

    work_item = serializers.UUIDField(source="work_item_id")
    token = serializers.IntegerField(source="work_item.fencing_token", help_text="Proves the lease in every write.")
    lease_expires_at = serializers.DateTimeField(source="work_item.lease_expires_at", allow_null=True)
    lease_seconds = serializers.SerializerMethodField()
    image = PhotographSerializer(source="target.image")
    mask = serializers.SerializerMethodField()
    category = serializers.SerializerMethodField()
    description = serializers.CharField(source="target.description")
    guidelines = serializers.SerializerMethodField()

    def get_lease_seconds(self, task: MaskTask) -> int:
        return int(settings.LATHE_LEASE_SECONDS[task.work_item.stage])

    @extend_schema_field(MaskRunsSerializer)
    def get_mask(self, task: MaskTask) -> dict[str, Any]:
        return mask_runs(task.target)

    def get_category(self, task: MaskTask) -> str:
        return task.target.category or task.target.free_category

    @extend_schema_field(GuidelinesSerializer)
    def get_guidelines(self, task: MaskTask) -> dict[str, str]:
        return {"version": mask_tasks.GUIDELINE_VERSION, "markdown": mask_tasks.guidelines()}


class ClaimMaskSerializer(serializers.Serializer[Any]):
    """Body of a claim."""

    prefetch = serializers.BooleanField(default=False, help_text="Allow a second lease, to load the next task ahead.")


class SubmitMaskSerializer(serializers.Serializer[Any]):
    """Body that ends a Stage 1 task."""

    token = serializers.IntegerField(min_value=0)
    verdict = serializers.ChoiceField(choices=MaskVerdict.choices)
    discard_reason = serializers.ChoiceField(
        choices=DiscardReason.choices, required=False, allow_blank=True, default="", help_text="Wanted with `discard`."
    )
    mask = MaskRunsSerializer(required=False, allow_null=True, default=None, help_text="Wanted with `refine`.")
    category = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=200, help_text="Corrects the category where given."
    )
    duration_ms = serializers.IntegerField(
        min_value=0, max_value=LONGEST_DURATION_MS, help_text="Active time on the task, as the page measured it."
    )
    guideline_version = serializers.CharField(max_length=40)


class SubmittedMaskSerializer(serializers.Serializer[Any]):
    """Acknowledges a submit: what it says is stored."""

    work_item = serializers.UUIDField()


class ImageUploadSerializer(serializers.Serializer[Any]):
    """A photograph to take in."""

    file = serializers.FileField(help_text="JPEG, PNG, WebP, TIFF or BMP.")
    source = serializers.CharField(  # type: ignore[assignment]  # a field named like an attribute of Field
        max_length=200, help_text="Names it once: a known source returns the known image."
    )
    licence = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class ImageSourceSerializer(serializers.ModelSerializer[Image]):
    """A photograph that was taken in, with the measures of its quality."""

    url = serializers.SerializerMethodField()

    class Meta:
        model = Image
        fields = [
            "id",
            "source",
            "licence",
            "url",
            "width_px",
            "height_px",
            "sharpness",
            "contrast",
            "brightness",
            "created_at",
        ]

    def get_url(self, image: Image) -> str:
        return signed_url(blob=image.blob)


class TargetProposalSerializer(serializers.Serializer[Any]):
    """An object to propose: its mask as run lengths (`mask`), or as an image file (`mask_file`, multipart)."""

    image = serializers.UUIDField()
    source = serializers.CharField(  # type: ignore[assignment]  # a field named like an attribute of Field
        max_length=200, help_text="Names it once within its image."
    )
    mask = MaskRunsSerializer(required=False, allow_null=True, default=None)
    mask_file = serializers.FileField(required=False, allow_null=True, default=None)
    category = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    description = serializers.CharField(required=False, allow_blank=True, default="", max_length=2000)
    verified = serializers.BooleanField(default=False, help_text="The mask is good as it is: skip Stage 1.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if (attrs["mask"] is None) == (attrs["mask_file"] is None):
            raise serializers.ValidationError("Send either mask or mask_file.")
        return attrs


class TargetSerializer(serializers.ModelSerializer[TargetObject]):
    """A target object and where it is in its life."""

    class Meta:
        model = TargetObject
        fields = [
            "id",
            "image",
            "source",
            "mask_area_px",
            "category",
            "free_category",
            "description",
            "state",
            "state_changed_at",
            "created_at",
        ]


class TargetFilterSerializer(serializers.Serializer[Any]):
    """Which targets to list."""

    state = serializers.ChoiceField(choices=[(x.value, x.value) for x in State], required=False)
    category = serializers.CharField(required=False)
    image = serializers.UUIDField(required=False)


def mask_runs(target: TargetObject) -> dict[str, Any]:
    """The mask of a target as MaskRunsSerializer describes it."""
    return {"height": target.image.height_px, "width": target.image.width_px, "counts": target.mask_counts}
