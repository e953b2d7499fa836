"""People, the judgements wanted from them, who holds which, and what happened."""

import uuid
from datetime import datetime

from django.contrib.auth.models import AbstractUser, UserManager
from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import OuterRef, Q
from django.utils.functional import cached_property


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
        """Open items of a stage."""
        return self.filter(stage=stage, state=WorkItem.State.OPEN)

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

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    stage = models.CharField(max_length=10, choices=Stage.choices)
    purpose = models.CharField(max_length=10, choices=Purpose.choices, default=Purpose.COLLECT)
    subject_id = models.UUIDField(help_text="The target object judged; siblings (overlap, review) share it.")
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
                name="workitem_claimable", fields=["stage", "priority_band", "random_key"], condition=Q(state="open")
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


class Judgement(models.Model):
    """Who answered a work item, when, in how long, by which guidelines; the answer itself lives in the stage's room."""

    work_item = models.OneToOneField(WorkItem, primary_key=True, on_delete=models.CASCADE, related_name="judgement")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="judgements", db_index=False)
    fencing_token = models.BigIntegerField()
    duration_ms = models.PositiveIntegerField(help_text="Active time as the page measured it.")
    guideline_version = models.CharField(max_length=40)
    submitted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(name="judgement_by_person", fields=["user", "submitted_at"])]

    def __str__(self) -> str:
        return f"judgement on {self.work_item_id}"


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
