"""Stage 1 over HTTP: tasks for annotators, images and targets for ML engineers."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from engine.contracts.assist import Box, Click, Prompts, Stroke
from engine.contracts.masks import MaskRle
from engine.lifecycle import State
from engine.sourcing import mask_tasks, second_look
from engine.sourcing.models import DiscardReason, Image, ImageRefusal, MaskTask, MaskVerdict, TargetObject
from engine.sourcing.task_serializers import LeasedTaskSerializer, TaskImageSerializer, TextSerializer
from engine.storage.services import signed_url

LARGEST = 2**31 - 1  # of any number in a request
MOST_CLICKS = 200
MOST_STROKES = 50
MOST_POINTS = 2000


class MaskRunsSerializer(serializers.Serializer[Any]):
    """A mask as uncompressed COCO run lengths: column-major, zeros first."""

    height = serializers.IntegerField(min_value=1, max_value=LARGEST)
    width = serializers.IntegerField(min_value=1, max_value=LARGEST)
    counts = serializers.ListField(child=serializers.IntegerField(min_value=0, max_value=LARGEST), allow_empty=False)

    def to_internal_value(self, data: Any) -> Any:
        checked = super().to_internal_value(data)
        return MaskRle(height=checked["height"], width=checked["width"], counts=tuple(checked["counts"]))


class MaskTaskSerializer(LeasedTaskSerializer):
    """A whole Stage 1 task. With `wants_proposal` nothing is marked yet: `mask` is empty."""

    image = TaskImageSerializer()
    mask = serializers.SerializerMethodField()
    category = serializers.SerializerMethodField()
    description = serializers.SerializerMethodField()
    wants_proposal = serializers.BooleanField()
    marked = serializers.SerializerMethodField(help_text="Other objects of this photograph that are marked already.")
    guidelines = serializers.SerializerMethodField()

    @extend_schema_field(MaskRunsSerializer)
    def get_mask(self, task: MaskTask) -> dict[str, Any]:
        return {"height": task.image.height_px, "width": task.image.width_px, "counts": task.counts_on_show}

    def get_category(self, task: MaskTask) -> str:
        return task.category_on_show

    def get_description(self, task: MaskTask) -> str:
        return task.target.description if task.target else task.hint

    @extend_schema_field(MaskRunsSerializer(many=True))
    def get_marked(self, task: MaskTask) -> list[dict[str, Any]]:
        return [
            {"height": mask.height, "width": mask.width, "counts": list(mask.counts)}
            for mask in mask_tasks.marked_beside(task)
        ]

    @extend_schema_field(TextSerializer)
    def get_guidelines(self, task: MaskTask) -> dict[str, str]:
        return {"version": mask_tasks.GUIDELINE_VERSION, "markdown": mask_tasks.guidelines()}


class JudgedMaskSerializer(serializers.Serializer[Any]):
    """A Stage 1 judgement: what was shown, and what the person made of it."""

    work_item = serializers.UUIDField(source="work_item_id")
    image = TaskImageSerializer()
    shown = serializers.SerializerMethodField(help_text="The proposal; empty where nothing was marked.")
    mask = serializers.SerializerMethodField(help_text="What the person let stand or drew; null where discarded.")
    description = serializers.SerializerMethodField()
    wants_proposal = serializers.BooleanField()
    verdict = serializers.ChoiceField(choices=MaskVerdict.choices)
    discard_reason = serializers.CharField(allow_blank=True)
    shown_category = serializers.CharField(allow_blank=True)
    category = serializers.SerializerMethodField(help_text="What it is called in the end.")

    @extend_schema_field(MaskRunsSerializer)
    def get_shown(self, task: MaskTask) -> dict[str, Any]:
        empty = [task.image.height_px * task.image.width_px]
        counts = empty if task.wants_proposal else task.proposed_counts or task.counts_on_show
        return {"height": task.image.height_px, "width": task.image.width_px, "counts": counts}

    @extend_schema_field(MaskRunsSerializer(allow_null=True))
    def get_mask(self, task: MaskTask) -> dict[str, Any] | None:
        if task.verdict == MaskVerdict.DISCARD:
            return None
        mask = second_look.final_mask(task)
        return {"height": mask.height, "width": mask.width, "counts": list(mask.counts)}

    def get_description(self, task: MaskTask) -> str:
        return task.target.description if task.target else task.hint

    def get_category(self, task: MaskTask) -> str:
        return second_look.final_category(task)


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
    mask = MaskRunsSerializer(
        required=False, allow_null=True, default=None, help_text="Wanted with `refine` and `propose`."
    )
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


class PointSerializer(serializers.Serializer[Any]):
    """A place in the photograph, in its pixels."""

    x = serializers.FloatField(min_value=0, max_value=LARGEST)
    y = serializers.FloatField(min_value=0, max_value=LARGEST)


class ClickSerializer(PointSerializer):
    """A place that belongs to the object, or does not."""

    positive = serializers.BooleanField()

    def to_internal_value(self, data: Any) -> Any:
        return Click(**super().to_internal_value(data))


class BoxSerializer(serializers.Serializer[Any]):
    """A rectangle around the object, in pixels of the photograph."""

    left = serializers.FloatField(min_value=0, max_value=LARGEST)
    top = serializers.FloatField(min_value=0, max_value=LARGEST)
    right = serializers.FloatField(min_value=0, max_value=LARGEST)
    bottom = serializers.FloatField(min_value=0, max_value=LARGEST)

    def to_internal_value(self, data: Any) -> Any:
        box = Box(**super().to_internal_value(data))
        if box.right <= box.left or box.bottom <= box.top:
            raise _invalid("The box is empty: right and bottom lie beyond left and top.")
        return box


class StrokeSerializer(serializers.Serializer[Any]):
    """A line over what belongs to the object, or over what does not."""

    points = serializers.ListField(child=PointSerializer(), min_length=1, max_length=MOST_POINTS)
    radius = serializers.FloatField(min_value=0.5, max_value=10_000)
    positive = serializers.BooleanField()

    def to_internal_value(self, data: Any) -> Any:
        checked = super().to_internal_value(data)
        points = tuple((point["x"], point["y"]) for point in checked["points"])
        return Stroke(points=points, radius=checked["radius"], positive=checked["positive"])


class AssistSerializer(serializers.Serializer[Any]):
    """What says where the object is; at least one of it."""

    clicks = serializers.ListField(child=ClickSerializer(), required=False, default=list, max_length=MOST_CLICKS)
    box = BoxSerializer(required=False, allow_null=True, default=None)
    strokes = serializers.ListField(child=StrokeSerializer(), required=False, default=list, max_length=MOST_STROKES)
    prior = MaskRunsSerializer(
        required=False, allow_null=True, default=None, help_text="The mask as it stands, to be corrected by the rest."
    )

    def to_internal_value(self, data: Any) -> Any:
        checked = super().to_internal_value(data)
        if not (checked["clicks"] or checked["box"] or checked["strokes"]):
            raise _invalid("Send clicks, a box or strokes.")
        return Prompts(
            clicks=tuple(checked["clicks"]),
            box=checked["box"],
            strokes=tuple(checked["strokes"]),
            prior=checked["prior"],
        )


def _invalid(message: str) -> serializers.ValidationError:
    return serializers.ValidationError({"non_field_errors": [message]})


class AssistedSerializer(serializers.Serializer[Any]):
    """The object, at the photograph's size."""

    mask = MaskRunsSerializer()
    segmenter = serializers.CharField(help_text="`grabcut`, `sam2`, …")
    duration_ms = serializers.FloatField(help_text="The segmenter's own time.")


class FurtherObjectSerializer(serializers.Serializer[Any]):
    """Another salient object of the photograph in work."""

    token = serializers.IntegerField(min_value=0)
    mask = MaskRunsSerializer()
    category = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)


class ImageUploadSerializer(serializers.Serializer[Any]):
    """A photograph to take in."""

    file = serializers.FileField(help_text="JPEG, PNG, WebP, TIFF or BMP.")
    source = serializers.CharField(  # type: ignore[assignment]  # a field named like an attribute of Field
        max_length=200, help_text="Names it once: a known source returns the known image."
    )
    licence = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class RefusalSerializer(serializers.ModelSerializer[ImageRefusal]):
    """Why a photograph goes to nobody."""

    class Meta:
        model = ImageRefusal
        fields = ["reason", "value", "limit", "twin", "note", "created_at", "overridden_at"]


class ImageFilterSerializer(serializers.Serializer[Any]):
    """Which photographs to list."""

    screening = serializers.ChoiceField(choices=Image.Screening.choices, required=False)


class OverrideSerializer(serializers.Serializer[Any]):
    """Why a refused photograph is good enough."""

    note = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class ImageSourceSerializer(serializers.ModelSerializer[Image]):
    """A photograph that was taken in, with the measures of its quality."""

    url = serializers.SerializerMethodField()
    refusals = RefusalSerializer(many=True, read_only=True)

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
            "blockiness",
            "screening",
            "refusals",
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
