"""Sends a mesh or a splat to a person who must not learn which one it is.

The engine streams it under the URL of what was shown: a redirect to the object store would tell the digest, by which
the same mesh could be recognised in another task.
"""

from collections.abc import Iterator
from typing import BinaryIO

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from rest_framework.request import Request

from engine.contracts.glb import MEDIA_TYPE
from engine.generation.models import Candidate
from engine.generation.services import view_of
from engine.storage.blobs import chunks
from engine.storage.models import Blob
from engine.storage.services import store

BROWSER_CACHE_SECONDS = 24 * 3600


def mesh_response(*, request: Request, mesh: Blob, shown_as: str) -> HttpResponseBase:
    """Stream a canonical mesh or splat; `shown_as` (an opaque id, whose mesh never changes) is its entity tag."""
    headers = _headers(shown_as)
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return HttpResponse(status=304, headers=headers)
    headers |= {"Content-Type": mesh.media_type, "Content-Length": str(mesh.size_bytes)}
    return StreamingHttpResponse(_Chunks(store().open(mesh.sha256)), headers=headers)


def candidate_response(*, request: Request, candidate: Candidate, shown_as: str) -> HttpResponseBase:
    """Send a candidate's mesh as people are shown it, made at once where no worker has made it yet."""
    content = None if candidate.view else view_of(candidate)
    if content is None:
        return mesh_response(request=request, mesh=candidate.view or candidate.mesh, shown_as=shown_as)
    return HttpResponse(content, content_type=MEDIA_TYPE, headers=_headers(shown_as))


def _headers(shown_as: str) -> dict[str, str]:
    return {
        "ETag": f'"{shown_as}"',
        "Cache-Control": f"private, max-age={BROWSER_CACHE_SECONDS}, immutable",
        "X-Content-Type-Options": "nosniff",
    }


class _Chunks:
    """Pieces of a stream, which is closed with the response, even one that nobody read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        return chunks(self._stream)

    def close(self) -> None:
        self._stream.close()
