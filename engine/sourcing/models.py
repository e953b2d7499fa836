"""Stage 1: photographs I, masks M of target objects, point maps P (paper A.1)."""

import uuid
from collections.abc import Collection

from django.db import models
from django.db.models import F, Func, Q, Value

from engine.contracts.targets import PointMapScale, PointMapSource
from engine.lifecycle import State
from engine.storage.models import Blob
from engine.workforce.models import WorkItem

# Bits by which the hashes of two takes of one scene differ at most.
NEAR_BITS = 6


class ImageQuerySet(models.QuerySet["Image"]):
    """Images."""

    def near_duplicates_of(self, perceptual_hash: int, *, bits: int = NEAR_BITS) -> "ImageQuerySet":
        """Images whose difference hash differs in at most `bits` bits, nearest first. Reads the hash of every image."""
        different = Func(
            F("perceptual_hash"),
            Value(perceptual_hash),
            template="bit_count((%(expressions)s)::bit(64))",
            arg_joiner=" # ",
            output_field=models.IntegerField(),
        )
        return (
            self.annotate(different_bits=different)
            .filter(different_bits__lte=bits)
            .order_by("different_bits", "source")
        )


class Image(models.Model):
    """A photograph, upright (EXIF applied), with measures of its quality."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    source = models.CharField(max_length=200, help_text="Where it came from: importer and name there.")
    licence = models.CharField(max_length=200, blank=True)
    width_px = models.PositiveIntegerField()
    height_px = models.PositiveIntegerField()
    sharpness = models.FloatField(help_text="Variance of the Laplacian of the grey image in [0, 1].")
    contrast = models.FloatField(help_text="Standard deviation of the grey image in [0, 1].")
    brightness = models.FloatField(help_text="Mean of the grey image in [0, 1].")
    perceptual_hash = models.BigIntegerField(help_text="64 bit difference hash, for near-duplicates.", db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ImageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="image_source_once", fields=["source"]),
            models.CheckConstraint(name="image_has_pixels", condition=Q(width_px__gt=0, height_px__gt=0)),
        ]

    def __str__(self) -> str:
        return self.source


class PointMapQuerySet(models.QuerySet["PointMap"]):
    """Point maps."""

    def newest(self, *, image_id: uuid.UUID) -> "PointMap | None":
        """The map that counts for an image, with image and blob."""
        return self.newest_by_image(image_ids=[image_id]).get(image_id)

    def newest_by_image(self, *, image_ids: Collection[uuid.UUID]) -> "dict[uuid.UUID, PointMap]":
        """The map that counts for each of these images that has one, with image and blob; one query."""
        newest = (
            self.filter(image_id__in=image_ids)
            .order_by("image_id", "-created_at", "-id")
            .distinct("image_id")
            .select_related("image", "blob")
        )
        return {point_map.image_id: point_map for point_map in newest}


class PointMap(models.Model):
    """Point map P of an image with the intrinsics of its camera; the newest one counts."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="point_maps")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    scale = models.CharField(max_length=10, choices=[(x.value, x.value) for x in PointMapScale])
    source = models.CharField(max_length=10, choices=[(x.value, x.value) for x in PointMapSource])
    fx = models.FloatField()
    fy = models.FloatField()
    cx = models.FloatField()
    cy = models.FloatField()
    valid_share = models.FloatField(help_text="Share of pixels with a finite point.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PointMapQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="pointmap_scale_known", condition=Q(scale__in=[x.value for x in PointMapScale])
            ),
            models.CheckConstraint(
                name="pointmap_source_known", condition=Q(source__in=[x.value for x in PointMapSource])
            ),
            models.CheckConstraint(name="pointmap_focal_positive", condition=Q(fx__gt=0, fy__gt=0)),
            models.CheckConstraint(name="pointmap_has_points", condition=Q(valid_share__gt=0, valid_share__lte=1)),
        ]
        indexes = [models.Index(name="pointmap_newest", fields=["image", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.source} {self.scale} point map of {self.image_id}"


class TargetObject(models.Model):
    """The pair (I, M): one object in one photograph, and where it is in its life (`engine.lifecycle`)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="targets")
    source = models.CharField(max_length=200)
    mask_counts = models.JSONField(help_text="Uncompressed COCO run lengths of M, column-major, zeros first.")
    mask_area_px = models.PositiveIntegerField()
    category = models.CharField(max_length=80, blank=True, db_index=True, help_text="Leaf of the taxonomy.")
    free_category = models.CharField(max_length=200, blank=True, help_text="As written, where no leaf fits.")
    description = models.TextField(blank=True)
    state = models.CharField(max_length=20, choices=[(x.value, x.value) for x in State], default=State.PROPOSED)
    state_changed_at = models.DateTimeField(auto_now_add=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="target_source_once", fields=["image", "source"]),
            models.CheckConstraint(name="target_state_known", condition=Q(state__in=[x.value for x in State])),
            models.CheckConstraint(name="target_mask_not_empty", condition=Q(mask_area_px__gt=0)),
        ]
        indexes = [models.Index(name="target_by_state", fields=["state", "id"])]

    def __str__(self) -> str:
        return f"{self.category or self.free_category or 'object'} in {self.image_id}"


class MaskVerdict(models.TextChoices):
    """Answer of Stage 1 (paper A.1)."""

    VERIFY = "verify"
    REFINE = "refine"
    DISCARD = "discard"


class DiscardReason(models.TextChoices):
    """Why a proposal is no clearly indexable single object (paper A.1)."""

    LOW_QUALITY = "low_quality"
    SEVERAL_OBJECTS = "several_objects"
    PARTIAL = "partial"
    NO_SALIENT_OBJECT = "no_salient_object"


class MaskTaskQuerySet(models.QuerySet["MaskTask"]):
    """Stage 1 tasks."""

    def with_photograph(self) -> "MaskTaskQuerySet":
        """Everything that a page shows of a task, in the same query."""
        return self.select_related("work_item", "target__image__blob")


class MaskTask(models.Model):
    """One Stage 1 judgement wanted on a proposed mask."""

    work_item = models.OneToOneField(WorkItem, primary_key=True, on_delete=models.CASCADE, related_name="mask_task")
    target = models.ForeignKey(TargetObject, on_delete=models.CASCADE, related_name="mask_tasks")
    verdict = models.CharField(max_length=10, choices=MaskVerdict.choices, blank=True)
    discard_reason = models.CharField(max_length=20, choices=DiscardReason.choices, blank=True)
    refined_counts = models.JSONField(null=True, help_text="Run lengths of the mask drawn, where refined.")
    proposed_counts = models.JSONField(null=True, help_text="Run lengths of the mask that it replaced.")

    objects = MaskTaskQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="masktask_discard_has_reason",
                condition=~Q(verdict="discard") | ~Q(discard_reason=""),
            ),
            models.CheckConstraint(
                name="masktask_refined_has_masks",
                condition=Q(verdict="refine", refined_counts__isnull=False, proposed_counts__isnull=False)
                | (~Q(verdict="refine") & Q(refined_counts__isnull=True, proposed_counts__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return f"mask task on {self.target_id}"
