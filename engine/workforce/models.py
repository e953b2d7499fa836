"""People, the judgements wanted from them, who holds which, and what happened."""

import uuid
from datetime import datetime

from django.contrib.auth.models import AbstractUser, UserManager
from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import OuterRef, Q
from django.utils.functional import cached_property

NOTE_LENGTH = 1000  # of what a reviewer writes to the person who is to judge again


class Role(models.TextChoices):
    """What a person is here for; a person may have several (Django groups of these names)."""

    ANNOTATOR = "annotator"
    REVIEWER = "reviewer"
    ARTIST = "artist"
    ML_ENGINEER = "ml_engineer"
    ADMIN = "admin"


class UserQuerySet(models.QuerySet["User"]):
    """Questions about people."""

    def with_roles(self) -> "UserQuerySet":
        """Each person with the names of their roles, read in the same query."""
        return self.annotate(
            read_role_names=ArraySubquery(
                User.groups.through.objects.filter(user_id=OuterRef("pk")).values("group__name")
            )
        )


class PeopleManager(UserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]
    """Makes people, and asks about them."""

    use_in_migrations = False


class User(AbstractUser):
    """A person or a script with a login; roles are the groups named as in `Role`."""

    key_bindings = models.JSONField(
        default=dict,
        blank=True,
        help_text="Keys that the person has changed: page → command → combination, such as Shift+KeyA.",
    )

    objects = PeopleManager()  # type: ignore[misc]

    @cached_property
    def role_names(self) -> frozenset[str]:
        """The names of the person's roles. One query, unless the person was read `with_roles`."""
        read: list[str] | None = getattr(self, "read_role_names", None)
        return frozenset(self.groups.values_list("name", flat=True) if read is None else read)


class Stage(models.TextChoices):
    """The kinds of judgement."""

    MASK = "mask"  # Stage 1
    SELECTION = "selection"  # Stage 2
    ARTIST = "artist"  # Stage 2.5
    ALIGNMENT = "alignment"  # Stage 3
    EVALUATION = "evaluation"  # votes about models: no training data


class SkipReason(models.TextChoices):
    """Why a person would rather not judge an item."""

    UNCLEAR = "unclear"  # cannot tell what is meant
    TOO_HARD = "too_hard"
    NOT_MY_FIELD = "not_my_field"
    BROKEN = "broken"  # something does not load or looks wrong
    OFFENSIVE = "offensive"
    OTHER = "other"


class WorkItemQuerySet(models.QuerySet["WorkItem"]):
    """Questions about work items; each is answered by an index."""

    def claimable(self, *, stage: str) -> "WorkItemQuerySet":
        """Open items of a stage that are kept for nobody."""
        return self.filter(stage=stage, state=WorkItem.State.OPEN, reserved_for=None)

    def held_by(self, user: User) -> "WorkItemQuerySet":
        """Items whose token is still this person's (in time, or late and not claimed by others), oldest claim first."""
        return self.live().filter(holder=user).order_by("claimed_at", "id")

    def overdue(self, *, now: datetime) -> "WorkItemQuerySet":
        """Leased items whose time has run out."""
        return self.filter(state=WorkItem.State.LEASED, lease_expires_at__lte=now)

    def live(self) -> "WorkItemQuerySet":
        """Items that still want an answer."""
        return self.filter(state__in=[WorkItem.State.PREPARING, WorkItem.State.OPEN, WorkItem.State.LEASED])


class WorkItem(models.Model):
    """One judgement wanted from one person. The hot table: narrow, claimed by one indexed statement."""

    class State(models.TextChoices):
        PREPARING = "preparing"  # what its page shows is still being made
        OPEN = "open"
        LEASED = "leased"
        DONE = "done"
        CANCELLED = "cancelled"

    class Purpose(models.TextChoices):
        COLLECT = "collect"
        OVERLAP = "overlap"  # a second opinion
        GOLD = "gold"  # the answer is known
        REVIEW = "review"
        EVALUATE = "evaluate"  # measures models; nothing is trained on it

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    stage = models.CharField(max_length=10, choices=Stage.choices)
    purpose = models.CharField(max_length=10, choices=Purpose.choices, default=Purpose.COLLECT)
    subject_id = models.UUIDField(
        help_text="What is judged: a target object, or an item of an evaluation. Siblings (overlap, review) share it."
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    priority_band = models.PositiveSmallIntegerField(default=1, help_text="0 is claimed first.")
    random_key = models.FloatField(help_text="Uniform in [0, 1): entry point of claims inside a band.")
    barred_user_ids = ArrayField(
        models.BigIntegerField(), default=list, help_text="Who may not claim it: judged a sibling, or skipped it."
    )
    fencing_token = models.BigIntegerField(default=0, help_text="Grows with every claim; proves the lease at submit.")
    holder = models.ForeignKey(
        User,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,  # `workitem_held` is all that is asked; one more index would be written with every claim
        help_text="Holds the lease; on an open item: held it last, ran out of time and may still submit.",
    )
    claimed_at = models.DateTimeField(null=True, help_text="Last given to somebody.")
    lease_expires_at = models.DateTimeField(null=True)
    skip_count = models.PositiveSmallIntegerField(default=0)
    reserved_for = models.ForeignKey(
        User,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,  # `workitem_reserved`
        help_text="The only one who may claim it, and gets it before anything else.",
    )
    note = models.CharField(
        max_length=NOTE_LENGTH, blank=True, default="", db_default="", help_text="From a reviewer, shown with the task."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True)

    objects = WorkItemQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="workitem_state_known", condition=Q(state__in=["preparing", "open", "leased", "done", "cancelled"])
            ),
            models.CheckConstraint(
                name="workitem_leased_has_holder_and_expiry",
                condition=~Q(state="leased") | Q(holder__isnull=False, lease_expires_at__isnull=False),
            ),
            models.CheckConstraint(
                name="workitem_done_has_time",
                condition=Q(state="done", done_at__isnull=False) | (~Q(state="done") & Q(done_at__isnull=True)),
            ),
            models.CheckConstraint(name="workitem_band_range", condition=Q(priority_band__lte=9)),
        ]
        indexes = [
            models.Index(
                name="workitem_claimable",
                fields=["stage", "priority_band", "random_key"],
                condition=Q(state="open", reserved_for__isnull=True),
            ),
            models.Index(
                name="workitem_reserved",
                fields=["reserved_for", "stage"],
                condition=Q(state="open", reserved_for__isnull=False),
            ),
            models.Index(name="workitem_expiring", fields=["lease_expires_at"], condition=Q(state="leased")),
            models.Index(
                name="workitem_held",
                fields=["holder"],
                condition=Q(state__in=["open", "leased"], holder__isnull=False),
            ),
            models.Index(name="workitem_subject", fields=["subject_id", "stage"]),
        ]

    def __str__(self) -> str:
        return f"{self.stage} work item {self.id}"


class Draft(models.Model):
    """Unsent work of one person on one item; kept when the lease is lost."""

    work_item = models.ForeignKey(WorkItem, on_delete=models.CASCADE, related_name="drafts", db_index=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="drafts")
    content = models.JSONField()
    saved_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(name="draft_one_per_person", fields=["work_item", "user"])]

    def __str__(self) -> str:
        return f"draft of {self.user_id} on {self.work_item_id}"


class JudgementQuerySet(models.QuerySet["Judgement"]):
    """Questions about judgements."""

    def to_review(self, *, stage: str) -> "JudgementQuerySet":
        """Those of a stage that no reviewer has looked at, disagreement first, then the newest."""
        return self.filter(stage=stage, review=Judgement.Review.UNREVIEWED).order_by(*REVIEW_ORDER)


# The same direction in every column, so that a page goes on after the last one by comparing whole rows.
REVIEW_ORDER = ("-disagrees", "-submitted_at", "-work_item_id")


class Judgement(models.Model):
    """Who answered a work item, when, in how long, by which guidelines; the answer itself lives in the stage's room.

    A reviewer may look at it. One that was sent back, or stood on one that was, counts for nothing from then on
    (`set_aside_at`); it stays stored.
    """

    class Review(models.TextChoices):
        UNREVIEWED = "unreviewed"
        ACCEPTED = "accepted"
        GOLD = "gold"  # accepted, and known to be right: others are measured by it
        RETURNED = "returned"  # to the same person, with a note
        REQUEUED = "requeued"  # for somebody else

    work_item = models.OneToOneField(WorkItem, primary_key=True, on_delete=models.CASCADE, related_name="judgement")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="judgements", db_index=False)
    stage = models.CharField(max_length=10, choices=Stage.choices, help_text="Of the work item, for the indexes.")
    fencing_token = models.BigIntegerField()
    duration_ms = models.PositiveIntegerField(help_text="Active time as the page measured it.")
    guideline_version = models.CharField(max_length=40)
    submitted_at = models.DateTimeField(auto_now_add=True)
    review = models.CharField(
        max_length=10, choices=Review.choices, default=Review.UNREVIEWED, db_default=Review.UNREVIEWED
    )
    reviewed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    reviewed_at = models.DateTimeField(null=True)
    redone_as = models.OneToOneField(
        WorkItem,
        null=True,
        on_delete=models.PROTECT,
        related_name="redoes",
        help_text="The item that wants it once more, where it was sent back.",
    )
    set_aside_at = models.DateTimeField(null=True, help_text="Counts for nothing from then on.")
    disagrees = models.BooleanField(default=False, db_default=False, help_text="A second opinion is another one.")

    objects = JudgementQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="judgement_review_known",
                condition=Q(review__in=["unreviewed", "accepted", "gold", "returned", "requeued"]),
            ),
            models.CheckConstraint(
                name="judgement_reviewed_by_somebody",
                condition=Q(review="unreviewed", reviewed_by__isnull=True, reviewed_at__isnull=True)
                | (~Q(review="unreviewed") & Q(reviewed_by__isnull=False, reviewed_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="judgement_sent_back_is_redone",
                condition=Q(review__in=["returned", "requeued"], redone_as__isnull=False, set_aside_at__isnull=False)
                | (~Q(review__in=["returned", "requeued"]) & Q(redone_as__isnull=True)),
            ),
            models.CheckConstraint(
                name="judgement_gold_counts", condition=~Q(review="gold") | Q(set_aside_at__isnull=True)
            ),
        ]
        indexes = [
            models.Index(name="judgement_by_person", fields=["user", "submitted_at"]),
            models.Index(
                "stage",
                *(models.F(name.removeprefix("-")).desc() for name in REVIEW_ORDER),
                name="judgement_to_review",
                condition=Q(review="unreviewed"),
            ),
            models.Index(name="judgement_gold", fields=["stage"], condition=Q(review="gold")),
        ]

    def __str__(self) -> str:
        return f"judgement on {self.work_item_id}"


class StageShares(models.Model):
    """How often a judgement of a stage draws another one: a gold task for its author, or a second opinion by others.

    An installation is one project: masks are judged before any collection opens, and people's agreement outlasts
    iterations, so the shares belong to the stage and not to an iteration. No row: none are drawn.
    """

    stage = models.CharField(max_length=10, primary_key=True, choices=Stage.choices)
    gold_share = models.FloatField(default=0, help_text="Gold tasks for each judgement that collects, from 0 to 1.")
    overlap_share = models.FloatField(default=0, help_text="Share of judgements that somebody else repeats.")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "stage shares"
        constraints = [
            models.CheckConstraint(
                name="stageshares_range",
                condition=Q(gold_share__gte=0, gold_share__lte=1, overlap_share__gte=0, overlap_share__lte=1),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stage}: gold {self.gold_share:g}, overlap {self.overlap_share:g}"


class SecondOpinion(models.Model):
    """The same judgement wanted twice, and how far the two agree: against a known answer, or among colleagues.

    The row is its own outbox: drawn with a submit (`wanted`), opened as a work item by the engine's worker (`asked`),
    and compared by it once that is answered.
    """

    class State(models.TextChoices):
        WANTED = "wanted"
        ASKED = "asked"
        COMPARED = "compared"
        DROPPED = "dropped"  # nothing to compare with any more, or nobody left to ask

    PURPOSES = (WorkItem.Purpose.GOLD, WorkItem.Purpose.OVERLAP)

    stage = models.CharField(max_length=10, choices=Stage.choices)
    purpose = models.CharField(max_length=10, choices=[(x.value, x.label) for x in PURPOSES])
    state = models.CharField(max_length=10, choices=State.choices, default=State.WANTED)
    drawn_by = models.ForeignKey(
        WorkItem,
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="Its submit drew this; null: by hand.",
    )
    reference = models.ForeignKey(
        WorkItem,
        null=True,
        on_delete=models.CASCADE,
        related_name="second_opinions",
        help_text="What it is compared with; of a gold task chosen when it is opened.",
    )
    work_item = models.OneToOneField(
        WorkItem, null=True, on_delete=models.CASCADE, related_name="second_opinion", help_text="Who is asked, by what."
    )
    person = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", db_index=False, help_text="Who gave it."
    )
    reference_person = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    agrees = models.BooleanField(null=True, help_text="The headline; what it says is decided by the stage's room.")
    measures = models.JSONField(default=dict, help_text="All that was measured, by name; null where it has no sense.")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often the worker began to compare.")
    created_at = models.DateTimeField(auto_now_add=True)
    compared_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="secondopinion_state_known", condition=Q(state__in=["wanted", "asked", "compared", "dropped"])
            ),
            models.CheckConstraint(name="secondopinion_purpose_known", condition=Q(purpose__in=["gold", "overlap"])),
            models.CheckConstraint(
                name="secondopinion_asked_has_both",
                condition=~Q(state__in=["asked", "compared"]) | Q(work_item__isnull=False, reference__isnull=False),
            ),
            models.CheckConstraint(
                name="secondopinion_compared_whole",
                condition=Q(
                    state="compared",
                    agrees__isnull=False,
                    compared_at__isnull=False,
                    person__isnull=False,
                    reference_person__isnull=False,
                )
                | (~Q(state="compared") & Q(agrees__isnull=True, compared_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="secondopinion_of_another_item",
                condition=Q(reference__isnull=True) | ~Q(reference=models.F("work_item")),
            ),
            models.CheckConstraint(
                name="secondopinion_of_another_person",
                condition=Q(person__isnull=True) | ~Q(person=models.F("reference_person")),
            ),
            models.UniqueConstraint(name="secondopinion_drawn_once", fields=["drawn_by", "purpose"]),
            models.UniqueConstraint(name="secondopinion_once_a_person", fields=["reference", "person"]),
        ]
        indexes = [
            models.Index(name="secondopinion_pending", fields=["id"], condition=Q(state__in=["wanted", "asked"])),
            models.Index(name="secondopinion_of_person", fields=["person"], condition=Q(state="compared")),
            models.Index(name="secondopinion_of_reference", fields=["reference_person"], condition=Q(state="compared")),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} on {self.reference_id}: {self.state}"


class IdempotentRequest(models.Model):
    """The answer given to a write, so that the same key and body get the same answer again."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=200)
    request_sha256 = models.CharField(max_length=64, help_text="Digest of method, path and body.")
    response_status = models.PositiveSmallIntegerField()
    response_body = models.TextField(blank=True, help_text="JSON in its own order of fields; empty: no body.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(name="idempotent_key_once", fields=["user", "key"])]
        indexes = [models.Index(name="idempotent_age", fields=["created_at"])]

    def __str__(self) -> str:
        return self.key


class AuditEvent(models.Model):
    """One change of state of anything. Append-only: a database trigger refuses UPDATE and DELETE."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(auto_now_add=True)
    actor = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", help_text="None: the engine."
    )
    subject_kind = models.CharField(max_length=30)
    subject_id = models.UUIDField()
    verb = models.CharField(max_length=40)
    from_state = models.CharField(max_length=20, blank=True)
    to_state = models.CharField(max_length=20, blank=True)
    facts = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(name="audit_of_subject", fields=["subject_kind", "subject_id", "id"])]

    def __str__(self) -> str:
        return f"{self.subject_kind} {self.subject_id}: {self.verb}"
