"""Admin pages of storage."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from engine.storage.models import Blob


@admin.register(Blob)
class BlobAdmin(ModelAdmin):  # type: ignore[misc]
    """Read-only: rows belong to the object store."""

    list_display = ("sha256", "media_type", "size_bytes", "created_at")
    list_filter = ("media_type",)
    search_fields = ("sha256__startswith",)
    date_hierarchy = None
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
