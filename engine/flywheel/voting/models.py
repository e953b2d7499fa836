"""Evaluations by votes: fixed sets, contenders, what they generated, and every vote (paper D.2)."""

import uuid

from django.db import models
from django.db.models import Q

from engine.outbox import OutboxRow
from engine.selection.stay_on_log import StayOnAnswer
from engine.sourcing.models import Image, PointMap, TargetObject
from engine.storage.models import Blob
from engine.workforce.models import User, WorkItem


class EvaluationSet(models.Model):
    """Targets with their photographs and masks as they were when the set was made; it never changes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, unique=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "flywheel"

    def __str__(self) -> str:
        return self.name


class EvaluationTarget(models.Model):
    """One target of a set, frozen: what becomes of the target object later changes nothing here."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    set = models.ForeignKey(EvaluationSet, on_delete=models.CASCADE, related_name="targets")
    target = models.ForeignKey(TargetObject, on_delete=models.PROTECT, related_name="+")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="+")
    point_map = models.ForeignKey(PointMap, null=True, on_delete=models.PROTECT, related_name="+")
    mask_counts = models.JSONField(help_text="Uncompressed COCO run lengths of M, column-major, zeros first.")
    mask_area_px = models.PositiveIntegerField()
    category = models.CharField(max_length=80, blank=True)
    free_category = models.CharField(max_length=200, blank=True)
    description = models.TextField(blank=True)

    class Meta:
        app_label = "flywheel"
        constraints = [
            models.UniqueConstraint(name="evaluationtarget_once", fields=["set", "target"]),
            models.CheckConstraint(name="evaluationtarget_mask_not_empty", condition=Q(mask_area_px__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.category or self.free_category or 'object'} in {self.image_id}"


class Evaluation(models.Model):
    """Contenders compared on a set: registered → generating → voting → closed, or withdrawn with a reason."""

    class State(models.TextChoices):
        REGISTERED = "registered"
        GENERATING = "generating"
        VOTING = "voting"
        CLOSED = "closed"
        WITHDRAWN = "withdrawn"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, unique=True)
    set = models.ForeignKey(EvaluationSet, on_delete=models.PROTECT, related_name="evaluations")
    coloured = models.BooleanField(
        default=False, help_text="Textures are judged, too: all are shown in colour, or all without."
    )
    seeds = models.JSONField(help_text="Every contender makes one candidate of each target with each of these.")
    voters_per_item = models.PositiveSmallIntegerField(help_text="People who vote on the same candidates.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.REGISTERED)
    note = models.TextField(blank=True, help_text="Why it was withdrawn, or ended before everybody voted.")
    registered_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    registered_at = models.DateTimeField(auto_now_add=True)
    state_entered_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "flywheel"
        constraints = [
            models.CheckConstraint(
                name="evaluation_state_known",
                condition=Q(state__in=["registered", "generating", "voting", "closed", "withdrawn"]),
            ),
            models.CheckConstraint(
                name="evaluation_ended_has_time",
                condition=Q(state__in=["closed", "withdrawn"], ended_at__isnull=False)
                | (~Q(state__in=["closed", "withdrawn"]) & Q(ended_at__isnull=True)),
            ),
            models.CheckConstraint(name="evaluation_withdrawn_says_why", condition=~Q(state="withdrawn") | ~Q(note="")),
            models.CheckConstraint(name="evaluation_voters_positive", condition=Q(voters_per_item__gte=1)),
        ]

    def __str__(self) -> str:
        return self.name


class Contender(models.Model):
    """A model in an evaluation: a generator, with a checkpoint and parameters where it takes them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    evaluation = models.ForeignKey(Evaluation, on_delete=models.CASCADE, related_name="contenders")
    position = models.PositiveSmallIntegerField(help_text="In the order of registration.")
    name = models.CharField(max_length=100)
    generator = models.CharField(max_length=60)
    model_version = models.ForeignKey("flywheel.ModelVersion", null=True, on_delete=models.PROTECT, related_name="+")
    parameters = models.JSONField(default=dict)
    baseline = models.BooleanField(default=False, help_text="Its Elo is 0.")

    class Meta:
        app_label = "flywheel"
        constraints = [
            models.UniqueConstraint(name="contender_name_once", fields=["evaluation", "name"]),
            models.UniqueConstraint(name="contender_position_once", fields=["evaluation", "position"]),
            models.UniqueConstraint(name="contender_one_baseline", fields=["evaluation"], condition=Q(baseline=True)),
        ]

    def __str__(self) -> str:
        return self.name


class EvaluationItem(models.Model):
    """One target with one seed: what the contenders made of it is compared."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    evaluation = models.ForeignKey(Evaluation, on_delete=models.CASCADE, related_name="items")
    target = models.ForeignKey(EvaluationTarget, on_delete=models.PROTECT, related_name="+")
    seed = models.BigIntegerField()

    class Meta:
        app_label = "flywheel"
        constraints = [
            models.UniqueConstraint(name="evaluationitem_once", fields=["evaluation", "target", "seed"]),
        ]

    def __str__(self) -> str:
        return f"{self.target_id} with seed {self.seed}"


class Entry(OutboxRow):
    """What one contender makes of one item; made once. That it could not be made is a fact like any other."""

    item = models.ForeignKey(EvaluationItem, on_delete=models.CASCADE, related_name="entries")
    contender = models.ForeignKey(Contender, on_delete=models.CASCADE, related_name="entries")
    worker = models.CharField(max_length=200, blank=True)
    mesh = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    view = models.ForeignKey(
        Blob, null=True, on_delete=models.PROTECT, related_name="+", help_text="The mesh as voters are shown it."
    )
    face_count = models.PositiveIntegerField(null=True)

    class Meta:
        app_label = "flywheel"
        constraints = [
            models.UniqueConstraint(name="entry_once", fields=["item", "contender"]),
            models.CheckConstraint(
                name="entry_status_known", condition=Q(status__in=["waiting", "sent", "succeeded", "failed"])
            ),
            models.CheckConstraint(
                name="entry_sent_has_deadline", condition=~Q(status="sent") | Q(deadline_at__isnull=False)
            ),
            models.CheckConstraint(name="entry_failed_says_why", condition=~Q(status="failed") | ~Q(error="")),
            models.CheckConstraint(
                name="entry_succeeded_has_mesh",
                condition=Q(status="succeeded", mesh__isnull=False)
                | (~Q(status="succeeded") & Q(mesh__isnull=True, view__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(name="entry_unsent", fields=["created_at"], condition=Q(status="waiting")),
            models.Index(name="entry_overdue", fields=["deadline_at"], condition=Q(status="sent")),
            models.Index(
                name="entry_without_view", fields=["created_at"], condition=Q(status="succeeded", view__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"entry of {self.contender_id} ({self.status})"


class Ballot(models.Model):
    """One person's votes wanted on one item: every entry once, the chosen one against the next (paper D.2)."""

    work_item = models.OneToOneField(WorkItem, primary_key=True, on_delete=models.CASCADE, related_name="ballot")
    item = models.ForeignKey(EvaluationItem, on_delete=models.CASCADE, related_name="ballots")
    counted = models.OneToOneField(
        "Voting",
        null=True,
        on_delete=models.RESTRICT,
        related_name="+",
        help_text="The one that counts: of the person who handed it in.",
    )

    class Meta:
        app_label = "flywheel"

    def __str__(self) -> str:
        return f"ballot on {self.item_id}"


class Voting(models.Model):
    """One person's run through a ballot; where a lease moves to another person, that person starts one of their own."""

    ballot = models.ForeignKey(Ballot, on_delete=models.CASCADE, related_name="votings")
    voter = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    seed = models.BigIntegerField(help_text="Decides order, sides and coins: it can be replayed.")
    started_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "flywheel"
        constraints = [models.UniqueConstraint(name="voting_one_per_person", fields=["ballot", "voter"])]

    def __str__(self) -> str:
        return f"voting of {self.voter_id} on {self.ballot_id}"


class Showing(models.Model):
    """An entry as one voter sees it: its opaque id is all that the browser learns."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    voting = models.ForeignKey(Voting, on_delete=models.CASCADE, related_name="showings")
    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="+")
    order = models.PositiveSmallIntegerField(help_text="Place in the random order of appearance.")
    load_failures = models.PositiveSmallIntegerField(default=0, help_text="How often a page could not show it.")

    class Meta:
        app_label = "flywheel"
        constraints = [
            models.UniqueConstraint(name="showing_entry_once", fields=["voting", "entry"]),
            models.UniqueConstraint(name="showing_order_once", fields=["voting", "order"]),
        ]

    def __str__(self) -> str:
        return f"showing {self.id}"


class Vote(StayOnAnswer):
    """What one voter said about a pair, or that this was taken back."""

    voting = models.ForeignKey(Voting, on_delete=models.CASCADE, related_name="votes")
    left = models.ForeignKey(Entry, null=True, on_delete=models.PROTECT, related_name="+")
    right = models.ForeignKey(Entry, null=True, on_delete=models.PROTECT, related_name="+")
    stayed = models.ForeignKey(Entry, null=True, on_delete=models.PROTECT, related_name="+")
    voted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "flywheel"
        constraints = [
            *StayOnAnswer.Meta.constraints,
            models.UniqueConstraint(name="vote_sequence_once", fields=["voting", "sequence"]),
        ]

    def __str__(self) -> str:
        return f"vote {self.sequence} of voting {self.voting_id}"
