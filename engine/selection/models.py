"""Stage 2: the stay-on tournament, every comparison of it, and the rating (paper A.2)."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q

from engine.contracts.generation import Modality
from engine.generation.models import Candidate, GenerationRequest
from engine.selection.stay_on_log import StayOnAnswer
from engine.sourcing.models import TargetObject
from engine.workforce.counting import TaskQuerySet
from engine.workforce.models import User, WorkItem


class FailureReason(models.TextChoices):
    """Why no candidate is good enough (paper A.3)."""

    COMPLEX_GEOMETRY = "complex_geometry"
    OCCLUSION = "occlusion"
    TRANSPARENCY = "transparency"
    SMALL_OBJECT = "small_object"
    OTHER = "other"


class SelectionQuerySet(TaskQuerySet["Selection"]):
    """Selections by what became of them."""

    def of_shapes(self) -> Self:
        """Those that chose a shape."""
        return self.filter(request__modality=Modality.SHAPE)

    def of_textures(self) -> Self:
        """Those that chose a texture for a shape that was chosen before."""
        return self.filter(request__modality=Modality.TEXTURE)

    def collected(self, target_id: uuid.UUID | models.OuterRef) -> Self:
        """Those that decide what becomes of this target."""
        return self.counting().filter(target_id=target_id)

    def rated(self) -> Self:
        """Those that a person finished."""
        return self.filter(rated_at__isnull=False)

    def accepted(self) -> Self:
        """Those whose rating met the bar of their collection."""
        return self.rated().filter(rating__gte=models.F("alpha"))

    def with_comparisons(self) -> Self:
        """Fetch the counting tournament with its candidates and log in three queries more, for `preference_pairs`."""
        return self.select_related("tournament").prefetch_related(
            "tournament__presentations", "tournament__comparisons"
        )


class Selection(models.Model):
    """One choice wanted among the candidates of one request, then made and rated with r in [0, 1], kept raw.

    What is chosen, a shape or a texture, is said by the request.
    """

    work_item = models.OneToOneField(WorkItem, primary_key=True, on_delete=models.CASCADE, related_name="selection")
    target = models.ForeignKey(TargetObject, on_delete=models.CASCADE, related_name="selections")
    request = models.ForeignKey(GenerationRequest, on_delete=models.PROTECT, related_name="selections")
    tournament = models.OneToOneField(
        "Tournament",
        null=True,
        on_delete=models.RESTRICT,
        related_name="+",
        help_text="The one that counts: of the person who submitted.",
    )
    winner = models.ForeignKey(Candidate, null=True, on_delete=models.PROTECT, related_name="+")
    rating = models.FloatField(null=True)
    rubric_version = models.CharField(max_length=40, blank=True)
    failure_reason = models.CharField(max_length=20, choices=FailureReason.choices, blank=True)
    alpha = models.FloatField(null=True, help_text="α_k when it was rated; only decides what came next.")
    rated_at = models.DateTimeField(null=True)

    objects = SelectionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="selection_rating_range", condition=Q(rating__gte=0, rating__lte=1)),
            models.CheckConstraint(
                name="selection_rated_whole",
                condition=Q(rated_at__isnull=True)
                | Q(
                    tournament__isnull=False,
                    winner__isnull=False,
                    rating__isnull=False,
                    alpha__isnull=False,
                    rubric_version__gt="",
                ),
            ),
            models.CheckConstraint(
                name="selection_below_bar_says_why",
                condition=Q(rating__isnull=True) | Q(rating__gte=models.F("alpha")) | ~Q(failure_reason=""),
            ),
        ]
        indexes = [
            models.Index(name="selection_rated", fields=["rated_at"], condition=Q(rated_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"selection for {self.target_id}"

    @property
    def modality(self) -> Modality:
        """What is chosen (the request must be loaded)."""
        return Modality(self.request.modality)


class Tournament(models.Model):
    """One person's run through the candidates of a selection.

    Where a lease moves to another person, that person starts a tournament of their own: nobody's answers are mixed with
    another's, and those of the first stay stored.
    """

    selection = models.ForeignKey(Selection, on_delete=models.CASCADE, related_name="tournaments")
    annotator = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    seed = models.BigIntegerField(help_text="Decides order, sides and coins: the tournament can be replayed.")
    started_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="tournament_one_per_person", fields=["selection", "annotator"]),
        ]

    def __str__(self) -> str:
        return f"tournament of {self.annotator_id} for {self.selection_id}"


class Presentation(models.Model):
    """A candidate as one person sees it: its opaque id is all that the browser learns."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tournament = models.ForeignKey(Tournament, on_delete=models.CASCADE, related_name="presentations")
    candidate = models.ForeignKey(Candidate, on_delete=models.PROTECT, related_name="+")
    order = models.PositiveSmallIntegerField(help_text="Place in the random order of appearance.")
    load_failures = models.PositiveSmallIntegerField(default=0, help_text="How often a page could not show it.")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="presentation_candidate_once", fields=["tournament", "candidate"]),
            models.UniqueConstraint(name="presentation_order_once", fields=["tournament", "order"]),
        ]

    def __str__(self) -> str:
        return f"presentation {self.id}"


class Comparison(StayOnAnswer):
    """What one person said about a pair, or that this was taken back."""

    tournament = models.ForeignKey(Tournament, on_delete=models.CASCADE, related_name="comparisons")
    left = models.ForeignKey(Candidate, null=True, on_delete=models.PROTECT, related_name="+")
    right = models.ForeignKey(Candidate, null=True, on_delete=models.PROTECT, related_name="+")
    stayed = models.ForeignKey(Candidate, null=True, on_delete=models.PROTECT, related_name="+")
    answered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            *StayOnAnswer.Meta.constraints,
            models.UniqueConstraint(name="comparison_sequence_once", fields=["tournament", "sequence"]),
        ]

    def __str__(self) -> str:
        return f"comparison {self.sequence} of tournament {self.tournament_id}"
