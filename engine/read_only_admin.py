"""Admin pages that show and never write: the rows belong to services. Staff may look at all of them."""

from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

MOST_COUNTED = 10_000


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts up to MOST_COUNTED rows, so that the page of a large table opens as quickly as that of a small one."""

    @cached_property
    def count(self) -> int:
        return int(self.object_list[: MOST_COUNTED + 1].count())  # type: ignore[attr-defined]


class _ReadOnly:
    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyModelAdmin(_ReadOnly, ModelAdmin):  # type: ignore[misc]
    """A list and a page for each row, nothing to change. Counts of big tables are left out."""

    paginator = BoundedPaginator
    list_per_page = 50
    show_full_result_count = False


class ReadOnlyInline(_ReadOnly, TabularInline):  # type: ignore[misc]
    """Rows of another table on the page of the one they belong to."""

    extra = 0
    show_change_link = False
    select_related: tuple[str, ...] = ()  # what the rows' texts need

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related(*self.select_related)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields or ()  # those that are never editable, such as times, cannot be shown otherwise
