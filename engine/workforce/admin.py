"""Admin pages of the workforce: people may be edited, everything else belongs to services."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from engine.read_only_admin import ReadOnlyModelAdmin
from engine.workforce.models import AuditEvent, Draft, IdempotentRequest, Judgement, SecondOpinion, User, WorkItem

admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg, misc]
    """People: switch off instead of deleting, since judgements keep their authors."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "roles", "is_active", "is_staff", "last_login", "date_joined")
    list_filter = ("groups", "is_active", "is_staff")
    search_fields = ("username", "email")
    ordering = ("username",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).with_roles()  # type: ignore[no-any-return, attr-defined]

    @admin.display(description="roles")
    def roles(self, user: User) -> str:
        return ", ".join(sorted(user.role_names))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):  # type: ignore[misc]
    """Roles."""


@admin.register(WorkItem)
class WorkItemAdmin(ReadOnlyModelAdmin):
    """Judgements wanted."""

    list_display = (
        "id",
        "stage",
        "purpose",
        "state",
        "priority_band",
        "holder",
        "lease_expires_at",
        "skip_count",
        "created_at",
    )
    list_filter = ("stage", "state", "purpose", "priority_band", "skip_count")
    list_select_related = ("holder",)
    search_fields = ("=id", "=subject_id", "holder__username__exact")
    search_help_text = "Id of the work item or of its target, or name of the holder"


@admin.register(Judgement)
class JudgementAdmin(ReadOnlyModelAdmin):
    """Judgements given."""

    list_display = (
        "work_item",
        "stage",
        "user",
        "review",
        "disagrees",
        "duration_ms",
        "guideline_version",
        "submitted_at",
        "set_aside_at",
    )
    list_filter = ("stage", "review", "disagrees", "guideline_version")
    list_select_related = ("work_item", "user")
    search_fields = ("=work_item__id", "user__username__exact")
    search_help_text = "Id of the work item, or name of the person"


@admin.register(SecondOpinion)
class SecondOpinionAdmin(ReadOnlyModelAdmin):
    """Gold tasks and overlaps, and what they showed."""

    list_display = ("id", "stage", "purpose", "state", "agrees", "person", "reference_person", "compared_at")
    list_filter = ("stage", "purpose", "state", "agrees")
    list_select_related = ("person", "reference_person")
    search_fields = ("=reference__id", "=work_item__id", "person__username__exact")
    search_help_text = "Id of either work item, or name of the person asked"


@admin.register(Draft)
class DraftAdmin(ReadOnlyModelAdmin):
    """Unsent work."""

    list_display = ("work_item", "user", "saved_at")
    list_select_related = ("work_item", "user")
    search_fields = ("=work_item__id", "user__username__exact")


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyModelAdmin):
    """What happened, newest first."""

    list_display = ("at", "actor", "subject_kind", "subject_id", "verb", "from_state", "to_state", "facts")
    list_filter = ("subject_kind", "verb", "to_state")
    list_select_related = ("actor",)
    search_fields = ("=subject_id", "actor__username__exact")
    search_help_text = "Id of the subject, or name of the actor"
    ordering = ("-id",)


@admin.register(IdempotentRequest)
class IdempotentRequestAdmin(ReadOnlyModelAdmin):
    """Answers kept for repeated requests, for seven days."""

    list_display = ("key", "user", "response_status", "created_at")
    list_filter = ("response_status",)
    list_select_related = ("user",)
    search_fields = ("=key", "user__username__exact")
    ordering = ("-id",)
