"""Stage 1: photographs I, masks M of target objects, point maps P (paper A.1)."""

import uuid
from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Func, OuterRef, Q, Value
from django.db.models.functions import Coalesce

from engine.contracts.targets import PointMapScale, PointMapSource
from engine.lifecycle import State
from engine.sourcing.quality import NEAR_BITS, hash_chunks
from engine.storage.models import Blob
from engine.workforce.counting import TaskQuerySet
from engine.workforce.models import WorkItem

MOST_MARKED = 30  # other objects of a photograph that a page shows


class ImageQuerySet(models.QuerySet["Image"]):
    """Images."""

    def near_duplicates_of(self, perceptual_hash: int, *, bits: int = NEAR_BITS) -> "ImageQuerySet":
        """Images whose difference hash differs in at most `bits` (up to NEAR_BITS) bits, nearest first.

        Two such hashes have at least one chunk in common, so the index on chunks leaves few rows to compare.
        """
        different = Func(
            F("perceptual_hash"),
            Value(perceptual_hash),
            template="bit_count((%(expressions)s)::bit(64))",
            arg_joiner=" # ",
            output_field=models.IntegerField(),
        )
        return (
            self.filter(hash_chunks__overlap=hash_chunks(perceptual_hash))
            .annotate(different_bits=different)
            .filter(different_bits__lte=bits)
            .order_by("different_bits", "source")
        )


class Image(models.Model):
    """A photograph, upright (EXIF applied), with measures of its quality and what the filters made of it."""

    class Screening(models.TextChoices):
        PASSED = "passed"
        REFUSED = "refused"  # nobody is asked about it; its refusals say why
        OVERRIDDEN = "overridden"  # refused, and taken in all the same by a person

    class Recognition(models.TextChoices):
        NONE = "none"  # not asked for
        WAITING = "waiting"
        SENT = "sent"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    preview_blob = models.ForeignKey(
        Blob,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The same photograph as a smaller JPEG, where it is too large for a page.",
    )
    source = models.CharField(max_length=200, help_text="Where it came from: importer and name there.")
    licence = models.CharField(max_length=200, blank=True)
    width_px = models.PositiveIntegerField()
    height_px = models.PositiveIntegerField()
    sharpness = models.FloatField(help_text="Variance of the Laplacian of the grey image in [0, 1].")
    contrast = models.FloatField(help_text="Standard deviation of the grey image in [0, 1].")
    brightness = models.FloatField(help_text="Mean of the grey image in [0, 1].")
    blockiness = models.FloatField(default=1.0, help_text="Steps across the 8 pixel grid of JPEG over steps elsewhere.")
    perceptual_hash = models.BigIntegerField(help_text="64 bit difference hash, for near-duplicates.")
    hash_chunks = ArrayField(models.IntegerField(), default=list, editable=False)
    screening = models.CharField(max_length=10, choices=Screening.choices, default=Screening.PASSED)
    recognition = models.CharField(max_length=10, choices=Recognition.choices, default=Recognition.NONE)
    recognition_sent_at = models.DateTimeField(null=True)
    recognition_attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ImageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="image_source_once", fields=["source"]),
            models.CheckConstraint(name="image_has_pixels", condition=Q(width_px__gt=0, height_px__gt=0)),
            models.CheckConstraint(
                name="image_screening_known", condition=Q(screening__in=["passed", "refused", "overridden"])
            ),
            models.CheckConstraint(
                name="image_recognition_known",
                condition=Q(recognition__in=["none", "waiting", "sent", "done", "failed"]),
            ),
        ]
        indexes = [
            GinIndex(name="image_hash_chunks", fields=["hash_chunks"]),
            models.Index(name="image_refused", fields=["id"], condition=Q(screening="refused")),
            models.Index(
                name="image_to_recognise",
                fields=["recognition_sent_at"],
                condition=Q(recognition__in=["waiting", "sent"]),
            ),
        ]

    def __str__(self) -> str:
        return self.source

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep the chunks of the hash beside it, for the index."""
        self.hash_chunks = hash_chunks(self.perceptual_hash)
        super().save(*args, **kwargs)


class RefusalReason(models.TextChoices):
    """Why a photograph goes to nobody (paper A.1)."""

    LOW_RESOLUTION = "low_resolution"
    BLURRED = "blurred"
    LOW_CONTRAST = "low_contrast"
    ARTEFACTS = "artefacts"
    NEAR_DUPLICATE = "near_duplicate"
    NO_SALIENT_OBJECT = "no_salient_object"
    LOW_QUALITY = "low_quality"  # as a person says


class ImageRefusal(models.Model):
    """One reason for which a photograph was refused, with what was measured."""

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="refusals")
    reason = models.CharField(max_length=20, choices=RefusalReason.choices)
    value = models.FloatField(null=True, help_text="What was measured.")
    limit = models.FloatField(null=True, help_text="What would have passed.")
    twin = models.ForeignKey(Image, null=True, on_delete=models.SET_NULL, related_name="+")
    note = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    overridden_at = models.DateTimeField(null=True)
    overridden_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="imagerefusal_reason_once", fields=["image", "reason"]),
            models.CheckConstraint(
                name="imagerefusal_overridden_by_somebody",
                condition=Q(overridden_at__isnull=True, overridden_by__isnull=True)
                | Q(overridden_at__isnull=False, overridden_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reason}: {self.image_id}"


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
    PROPOSE = "propose"  # drawn from scratch, where nothing was proposed


class DiscardReason(models.TextChoices):
    """Why a proposal is no clearly indexable single object (paper A.1)."""

    LOW_QUALITY = "low_quality"
    SEVERAL_OBJECTS = "several_objects"
    PARTIAL = "partial"
    NO_SALIENT_OBJECT = "no_salient_object"


class MaskTaskQuerySet(TaskQuerySet["MaskTask"]):
    """Stage 1 tasks."""

    def with_photograph(self) -> "MaskTaskQuerySet":
        """Everything that a page shows of a task, in the same query; `marked_counts`: other objects, newest first."""
        nobody = Value(uuid.UUID(int=0), output_field=models.UUIDField())
        others = (
            TargetObject.objects.filter(image=OuterRef("image_id"))
            .exclude(state=State.DISCARDED)
            .exclude(id=Coalesce(OuterRef("target_id"), nobody))
            # What the first person marked is what a second one is asked for.
            .exclude(mask_tasks__work_item__second_opinions__work_item=OuterRef("work_item_id"))
        )
        marked = ArraySubquery(others.order_by("-created_at").values("mask_counts")[:MOST_MARKED])
        related = self.select_related("work_item", "image__blob", "image__preview_blob", "target__image")
        return related.annotate(marked_counts=marked)


class MaskTask(models.Model):
    """One Stage 1 judgement wanted: on a proposed mask, or on a photograph in which nothing is marked yet."""

    work_item = models.OneToOneField(WorkItem, primary_key=True, on_delete=models.CASCADE, related_name="mask_task")
    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="mask_tasks")
    target = models.ForeignKey(
        TargetObject,
        null=True,
        on_delete=models.CASCADE,
        related_name="mask_tasks",
        help_text="The proposal; where a person is to propose: what they marked.",
    )
    wants_proposal = models.BooleanField(default=False, help_text="Nothing is marked: find the salient object.")
    hint = models.CharField(max_length=300, blank=True, help_text="What was recognised and could not be marked.")
    verdict = models.CharField(max_length=10, choices=MaskVerdict.choices, blank=True)
    discard_reason = models.CharField(max_length=20, choices=DiscardReason.choices, blank=True)
    refined_counts = models.JSONField(
        null=True, help_text="Run lengths of the mask drawn, where refined; of a second opinion also where proposed."
    )
    proposed_counts = models.JSONField(null=True, help_text="Run lengths of the mask that it replaced.")
    category = models.CharField(
        max_length=200, blank=True, default="", db_default="", help_text="As answered; empty: what was shown."
    )
    shown_category = models.CharField(
        max_length=200, blank=True, default="", db_default="", help_text="As it was when judged."
    )
    shown_counts = models.JSONField(
        null=True, help_text="Where the proposal is not the target's present mask: its run lengths, as seen before."
    )

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
                | Q(verdict="propose", proposed_counts__isnull=True)
                | (
                    ~Q(verdict__in=["refine", "propose"]) & Q(refined_counts__isnull=True, proposed_counts__isnull=True)
                ),
            ),
            models.CheckConstraint(
                name="masktask_judges_or_proposes",
                condition=Q(wants_proposal=False, target__isnull=False)
                | Q(wants_proposal=True, verdict="propose", target__isnull=False)
                | Q(wants_proposal=True, verdict="propose", refined_counts__isnull=False)
                | (Q(wants_proposal=True, target__isnull=True) & ~Q(verdict="propose")),
            ),
        ]

    def __str__(self) -> str:
        return f"mask task on {self.target_id or self.image_id}"

    @property
    def counts_on_show(self) -> list[int]:
        """Run lengths of what is to be judged; empty where nothing is marked (image and target must be loaded)."""
        if self.shown_counts is not None:
            return list(self.shown_counts)
        return list(self.target.mask_counts) if self.target else [self.image.height_px * self.image.width_px]

    @property
    def category_on_show(self) -> str:
        """What the object is called before anybody corrects it."""
        if self.shown_counts is not None or self.target is None:
            return self.shown_category
        return self.target.category or self.target.free_category


class CurriculumSettings(models.Model):
    """How the share of categories moves from simple to deformable geometry; one row (paper A.1)."""

    goal_objects = models.PositiveIntegerField(
        default=10_000,
        validators=[MinValueValidator(1)],
        help_text="So many objects are wanted in all; progress is measured against it.",
    )
    simple_at_start = models.FloatField(default=0.80, validators=[MinValueValidator(0), MaxValueValidator(1)])
    structured_at_start = models.FloatField(default=0.18, validators=[MinValueValidator(0), MaxValueValidator(1)])
    simple_at_end = models.FloatField(default=0.40, validators=[MinValueValidator(0), MaxValueValidator(1)])
    structured_at_end = models.FloatField(default=0.35, validators=[MinValueValidator(0), MaxValueValidator(1)])
    flatness_at_start = models.FloatField(
        default=0.3,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="0: categories as often as they come; 1: all equally often.",
    )
    flatness_at_end = models.FloatField(default=0.9, validators=[MinValueValidator(0), MaxValueValidator(1)])
    unfiled_share = models.FloatField(
        default=0.05,
        validators=[MinValueValidator(0), MaxValueValidator(0.5)],
        help_text="Objects that no leaf of the taxonomy fits.",
    )
    horizon = models.PositiveIntegerField(
        default=500, validators=[MinValueValidator(8)], help_text="So many work items are planned ahead."
    )
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = verbose_name_plural = "curriculum settings"
        constraints = [
            models.CheckConstraint(name="curriculumsettings_one_row", condition=Q(id=1)),
            models.CheckConstraint(
                name="curriculumsettings_shares_fit",
                condition=Q(simple_at_start__lte=1 - F("structured_at_start"))
                & Q(simple_at_end__lte=1 - F("structured_at_end")),
            ),
        ]

    def __str__(self) -> str:
        return "curriculum settings"


class CurriculumPlan(models.Model):
    """The distribution of objects as it was when work was last planned, and what was planned."""

    created_at = models.DateTimeField(auto_now_add=True)
    progress = models.FloatField(help_text="Objects done over objects wanted, at most 1.")
    done_objects = models.PositiveIntegerField()
    waiting_objects = models.PositiveIntegerField()
    moved_items = models.PositiveIntegerField(help_text="Work items that came into another priority band.")
    tiers = models.JSONField(help_text="Per tier: objects done and waiting, target, current and planned share.")
    categories = models.JSONField(help_text="The same per leaf; the empty name stands for objects of no leaf.")

    class Meta:
        get_latest_by = "created_at"
        indexes = [models.Index(name="curriculumplan_newest", fields=["-created_at"])]

    def __str__(self) -> str:
        return f"plan of {self.created_at:%Y-%m-%d %H:%M}"
