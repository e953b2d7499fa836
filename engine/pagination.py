"""Paging of lists: by key, so that page one thousand costs what page one does and nothing is counted."""

from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    """Newest rows first, 50 to a page; `?page_size=` asks for up to 200. Its `ordering` must be unique."""

    ordering: str | tuple[str, ...] = "-id"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
