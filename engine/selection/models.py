"""Stage 2: the stay-on tournament, every comparison of it, and the rating (paper A.2)."""

import uuid

from django.db import models
from django.db.models import Q

from engine.generation.models import Candidate, GenerationRequest
from engine.sourcing.models import TargetObject
from engine.workforce.models import WorkItem


class Answer(models.TextChoices):
    """The three choices of paper A.2."""

    LEFT = "left"
    RIGHT = "right"
    EQUAL = "equal"


class FailureReason(models.TextChoices):
    """Why no candidate is good enough (paper A.3)."""

    COMPLEX_GEOMETRY = "complex_geometry"
    OCCLUSION = "occlusion"
    TRANSPARENCY = "transparency"
    SMALL_OBJECT = "small_object"
    OTHER = "other"


class Selection(models.Model):
    """One person's choice among the candidates of one request, then its rating r in [0, 1], kept raw."""

    work_item = models.OneToOneField(WorkItem, primary_key=True, on_delete=models.CASCADE, related_name="selection")
    target = models.ForeignKey(TargetObject, on_delete=models.CASCADE, related_name="selections")
    request = models.ForeignKey(GenerationRequest, on_delete=models.PROTECT, related_name="selections")
    seed = models.BigIntegerField(help_text="Decides order, sides and coins: the tournament can be replayed.")
    winner = models.ForeignKey(Candidate, null=True, on_delete=models.PROTECT, related_name="+")
    rating = models.FloatField(null=True)
    rubric_version = models.CharField(max_length=40, blank=True)
    failure_reason = models.CharField(max_length=20, choices=FailureReason.choices, blank=True)
    alpha = models.FloatField(null=True, help_text="α_k when it was rated; only decides what came next.")
    rated_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="selection_rating_range", condition=Q(rating__gte=0, rating__lte=1)),
            models.CheckConstraint(
                name="selection_rated_has_winner",
                condition=Q(rated_at__isnull=True)
                | Q(winner__isnull=False, rating__isnull=False, alpha__isnull=False, rubric_version__gt=""),
            ),
        ]

    def __str__(self) -> str:
        return f"selection for {self.target_id}"


class Presentation(models.Model):
    """A candidate as one person sees it: its opaque id is all that the browser learns."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    selection = models.ForeignKey(Selection, on_delete=models.CASCADE, related_name="presentations")
    candidate = models.ForeignKey(Candidate, on_delete=models.PROTECT, related_name="+")
    order = models.PositiveSmallIntegerField(help_text="Place in the random order of appearance.")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="presentation_candidate_once", fields=["selection", "candidate"]),
            models.UniqueConstraint(name="presentation_order_once", fields=["selection", "order"]),
        ]

    def __str__(self) -> str:
        return f"presentation {self.id}"


class Comparison(models.Model):
    """One answer, or the undoing of one: rows are only added (`undone_by` names the row that took it back)."""

    id = models.BigAutoField(primary_key=True)
    selection = models.ForeignKey(Selection, on_delete=models.CASCADE, related_name="comparisons")
    sequence = models.PositiveSmallIntegerField(help_text="Position in the log of this selection, undos included.")
    undoes = models.OneToOneField("self", null=True, on_delete=models.CASCADE, related_name="undone_by")
    left = models.ForeignKey(Candidate, null=True, on_delete=models.PROTECT, related_name="+")
    right = models.ForeignKey(Candidate, null=True, on_delete=models.PROTECT, related_name="+")
    answer = models.CharField(max_length=5, choices=Answer.choices, blank=True)
    stayed = models.ForeignKey(Candidate, null=True, on_delete=models.PROTECT, related_name="+")
    coin_seed = models.BigIntegerField(null=True, help_text="Where equal: the seed of the coin that kept one.")
    duration_ms = models.PositiveIntegerField(default=0)
    answered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="comparison_sequence_once", fields=["selection", "sequence"]),
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
        return f"comparison {self.sequence} of {self.selection_id}"
