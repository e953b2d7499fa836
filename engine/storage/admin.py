"""Admin pages of storage."""

from django.contrib import admin

from engine.read_only_admin import ReadOnlyModelAdmin
from engine.storage.models import Blob


@admin.register(Blob)
class BlobAdmin(ReadOnlyModelAdmin):
    """What the object store holds."""

    list_display = ("sha256", "media_type", "size_bytes", "created_at")
    list_filter = ("media_type",)
    search_fields = ("sha256__startswith",)
    search_help_text = "Beginning of the SHA-256"
