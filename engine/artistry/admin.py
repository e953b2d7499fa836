"""Admin pages of Stage 2.5."""

from django.contrib import admin

from engine.artistry.models import ArtistJob, MeshUpload, TriageCase
from engine.read_only_admin import ReadOnlyInline, ReadOnlyModelAdmin


class ArtistJobInline(ReadOnlyInline):
    model = ArtistJob
    fields = ("state", "submitted_by", "submitted_at", "accepted_by", "accepted_at", "reason")
    ordering = ("created_at",)
    show_change_link = True


class MeshUploadInline(ReadOnlyInline):
    model = MeshUpload
    fields = ("status", "problem", "file_name", "vertex_count", "face_count", "watertight", "created_at")
    ordering = ("created_at",)


@admin.register(TriageCase)
class TriageCaseAdmin(ReadOnlyModelAdmin):
    list_display = ("target", "failure_reason", "decision", "decided_by", "created_at", "decided_at")
    list_filter = ("decision", "failure_reason")
    list_select_related = ("target", "decided_by")
    search_fields = ("id__exact", "target__id__exact", "note")
    ordering = ("-created_at", "-id")
    inlines = (ArtistJobInline,)


@admin.register(ArtistJob)
class ArtistJobAdmin(ReadOnlyModelAdmin):
    list_display = ("target", "state", "submitted_by", "submitted_at", "accepted_by", "accepted_at")
    list_filter = ("state", "case__failure_reason")
    list_select_related = ("target", "submitted_by", "accepted_by")
    search_fields = ("work_item__id__exact", "target__id__exact", "submitted_by__username")
    ordering = ("-created_at", "-work_item")
    inlines = (MeshUploadInline,)


@admin.register(MeshUpload)
class MeshUploadAdmin(ReadOnlyModelAdmin):
    list_display = ("id", "job", "status", "vertex_count", "face_count", "watertight", "created_at")
    list_filter = ("status", "watertight")
    list_select_related = ("job",)
    search_fields = ("id__exact", "job__work_item__id__exact")
    ordering = ("-created_at", "-id")
