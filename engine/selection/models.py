"""Stage 2: the stay-on tournament, every comparison of it, and the rating (paper A.2)."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q

from engine.contracts.generation import Modality
from engine.generation.models import Candidate, GenerationRequest
from engine.selection.tournament import Answer
from engine.sourcing.models import TargetObject
from engine.workforce.models import User, WorkItem


class FailureReason(models.TextChoices):
    """Why no candidate is good enough (paper A.3)."""

    COMPLEX_GEOMETRY = "complex_geometry"
    OCCLUSION = "occlusion"
    TRANSPARENCY = "transparency"
    SMALL_OBJECT = "small_object"
    OTHER = "other"


class SelectionQuerySet(models.QuerySet["Selection"]):
    """Selections by what became of them."""

    def of_shapes(self) -> Self:
        """Those that chose a shape."""
        return self.filter(request__modality=Modality.SHAPE)

    def of_textures(self) -> Self:
        """Those that chose a texture for a shape that was chosen before."""
        return self.filter(request__modality=Modality.TEXTURE)

    def collected(self, target_id: uuid.UUID | models.OuterRef) -> Self:
        """Those that decide what becomes of this target: no overlaps or gold, and nothing that was sent back."""
        collecting = self.filter(target_id=target_id, work_item__purpose=WorkItem.Purpose.COLLECT)
        return collecting.exclude(work_item__judgement__set_aside_at__isnull=False)

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


class Comparison(models.Model):
    """One answer, or the undoing of one: rows are only added (`undone_by` is the row that took it back)."""

    id = models.BigAutoField(primary_key=True)
    tournament = models.ForeignKey(Tournament, on_delete=models.CASCADE, related_name="comparisons")
    sequence = models.PositiveSmallIntegerField(help_text="Position in the log, undos included.")
    undoes = models.OneToOneField("self", null=True, on_delete=models.CASCADE, related_name="undone_by")
    left = models.ForeignKey(Candidate, null=True, on_delete=models.PROTECT, related_name="+")
    right = models.ForeignKey(Candidate, null=True, on_delete=models.PROTECT, related_name="+")
    answer = models.CharField(max_length=5, choices=[(x.value, x.value) for x in Answer], blank=True)
    stayed = models.ForeignKey(Candidate, null=True, on_delete=models.PROTECT, related_name="+")
    coin_seed = models.BigIntegerField(null=True, help_text="Where equal: the seed of the coin that kept one.")
    duration_ms = models.PositiveIntegerField(default=0)
    answered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="comparison_sequence_once", fields=["tournament", "sequence"]),
            models.CheckConstraint(
                name="comparison_answer_or_undo",
                condition=Q(
                    undoes__isnull=True,
                    left__isnull=False,
                    right__isnull=False,
                    stayed__isnull=False,
                    answer__in=["left", "right", "equal"],
                )
                | Q(undoes__isnull=False, left__isnull=True, right__isnull=True, stayed__isnull=True, answer=""),
            ),
            models.CheckConstraint(
                name="comparison_two_sides", condition=Q(left__isnull=True) | ~Q(left=models.F("right"))
            ),
            models.CheckConstraint(
                name="comparison_equal_has_coin",
                condition=Q(answer="equal", coin_seed__isnull=False) | (~Q(answer="equal") & Q(coin_seed__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return f"comparison {self.sequence} of tournament {self.tournament_id}"
