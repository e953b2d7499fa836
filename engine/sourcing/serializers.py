"""Stage 1 over HTTP: tasks for annotators, images and targets for ML engineers."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from engine.contracts.masks import MaskRle
from engine.lifecycle import State
from engine.sourcing import mask_tasks
from engine.sourcing.models import DiscardReason, Image, MaskTask, MaskVerdict, TargetObject
from engine.sourcing.task_serializers import TargetTaskSerializer, TextSerializer
from engine.storage.services import signed_url

LARGEST = 2**31 - 1  # of any number in a request


class MaskRunsSerializer(serializers.Serializer[Any]):
    """A mask as uncompressed COCO run lengths: column-major, zeros first."""

    height = serializers.IntegerField(min_value=1, max_value=LARGEST)
    width = serializers.IntegerField(min_value=1, max_value=LARGEST)
    counts = serializers.ListField(child=serializers.IntegerField(min_value=0, max_value=LARGEST), allow_empty=False)

    def to_internal_value(self, data: Any) -> Any:
        checked = super().to_internal_value(data)
        return MaskRle(height=checked["height"], width=checked["width"], counts=tuple(checked["counts"]))


class MaskTaskSerializer(TargetTaskSerializer):
    """A whole Stage 1 task."""

    guidelines = serializers.SerializerMethodField()

    @extend_schema_field(TextSerializer)
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
        min_value=0, max_value=LARGEST, help_text="Active time on the task, as the page measured it."
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
