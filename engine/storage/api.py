"""Serves the objects of a local store to holders of signed URLs. With S3 the browser goes to S3 itself."""

import re
from collections.abc import Iterator
from time import time
from typing import Any, BinaryIO

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from engine.storage.blobs import attachment, chunks
from engine.storage.services import store
from engine.storage.url_tokens import BlobGrant, opaque_tag, read_token

RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class AnyContent(BaseContentNegotiation):
    """The object has one media type; what the caller would rather have does not matter."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        renderer: BaseRenderer = renderers[0]
        return renderer, renderer.media_type


class BlobView(APIView):
    """One object. The token is the permission, so that images and meshes load without credentials."""

    authentication_classes = ()
    permission_classes = ()
    content_negotiation_class = AnyContent

    @extend_schema(
        operation_id="blob_read",
        parameters=[
            OpenApiParameter("Range", str, OpenApiParameter.HEADER, description="One range, such as `bytes=0-1023`."),
        ],
        responses={
            (200, "application/octet-stream"): OpenApiTypes.BINARY,
            (206, "application/octet-stream"): OpenApiTypes.BINARY,
            304: OpenApiResponse(description="The copy you have is still right."),
            403: OpenApiResponse(description="Expired or altered link: load the task again."),
            416: OpenApiResponse(description="The range lies outside the object."),
        },
    )
    def get(self, request: Request, token: str) -> HttpResponseBase:
        """Read an object by its signed URL."""
        key = settings.SECRET_KEY.encode()
        grant = read_token(key, token)
        size_bytes = store().size_bytes(grant.sha256)
        headers = _headers(grant, etag=f'"{opaque_tag(key, grant.sha256)}"')
        if request.headers.get("If-None-Match") == headers["ETag"]:
            return HttpResponse(status=304, headers=headers)
        asked = request.headers.get("Range", "") if request.headers.get("If-Range") in (None, headers["ETag"]) else ""
        match = RANGE.fullmatch(asked.strip())
        if match is None or match.groups() == ("", ""):  # none, or several ranges: the whole object is a legal answer
            return _part(grant, 0, size_bytes, status=200, headers=headers)
        first, last = _bounds(match, size_bytes)
        if first > last:
            return HttpResponse(status=416, headers=headers | {"Content-Range": f"bytes */{size_bytes}"})
        headers["Content-Range"] = f"bytes {first}-{last}/{size_bytes}"
        return _part(grant, first, last - first + 1, status=206, headers=headers)


def _headers(grant: BlobGrant, *, etag: str) -> dict[str, str]:
    headers = {
        "Content-Type": grant.media_type,
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": f"private, max-age={max(0, int(grant.expires_at - time()))}, immutable",
        "X-Content-Type-Options": "nosniff",
        # Untrusted content on our own origin: should a browser ever open it as a page, it may do nothing.
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if grant.filename:
        headers["Content-Disposition"] = attachment(grant.filename)
    return headers


def _bounds(match: re.Match[str], size_bytes: int) -> tuple[int, int]:
    first, last = match.groups()
    if not first:  # the last so many bytes
        return max(0, size_bytes - int(last)), size_bytes - 1
    return int(first), min(int(last) if last else size_bytes - 1, size_bytes - 1)


def _part(grant: BlobGrant, first: int, length: int, *, status: int, headers: dict[str, str]) -> HttpResponseBase:
    stream = store().open(grant.sha256)
    if first:
        stream.seek(first)
    return StreamingHttpResponse(
        _Slice(stream, length), status=status, headers=headers | {"Content-Length": str(length)}
    )


class _Slice:
    """The next `length` bytes of a stream. The response closes it, also where the browser left before reading."""

    def __init__(self, stream: BinaryIO, length: int) -> None:
        self._stream = stream
        self._length = length

    def __iter__(self) -> Iterator[bytes]:
        return chunks(self._stream, limit_bytes=self._length)

    def close(self) -> None:
        self._stream.close()
