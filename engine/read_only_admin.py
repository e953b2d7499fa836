"""Admin pages that show and never write: the rows belong to services."""

from typing import Any

from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline


class _ReadOnly:
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyModelAdmin(_ReadOnly, ModelAdmin):  # type: ignore[misc]
    """A list and a page for each row, nothing to change. Counts of big tables are left out."""

    show_full_result_count = False


class ReadOnlyInline(_ReadOnly, TabularInline):  # type: ignore[misc]
    """Rows of another table on the page of the one they belong to."""

    extra = 0
    show_change_link = False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields or ()  # those that are never editable, such as times, cannot be shown otherwise
