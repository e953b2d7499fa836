"""Meshes as artists send them: kept in quarantine, read in a limited process, rewritten. Originals are never served."""

from datetime import datetime, timedelta
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from engine.artistry.models import MeshUpload
from engine.errors import Unprocessable
from engine.generation.meshes import MeshRefused, canonicalise_glb
from engine.sending import send_soon
from engine.storage.models import Blob
from engine.storage.services import put_blob, read_blob

CHECK_TASK = "engine.artistry.tasks.check_upload"
QUARANTINE_MEDIA_TYPE = "application/octet-stream"
MAX_CHECK_ATTEMPTS = 3
RESEND_AFTER = timedelta(minutes=5)  # longer than a check may take


class UploadTooLarge(Unprocessable):
    """The file is above the limit."""

    code = "upload_too_large"


class UploadEmpty(Unprocessable):
    """The file has no content."""

    code = "upload_empty"


def quarantine(*, file: BinaryIO, size_bytes: int) -> Blob:
    """Store a file as it came. Slow, and to be done outside of transactions; doing it twice stores it once.

    Raises:
        UploadTooLarge, UploadEmpty.
    """
    limit = settings.LATHE_MAX_UPLOAD_BYTES
    if size_bytes > limit:
        raise UploadTooLarge(
            f"The file has {size_bytes / 2**20:.0f} MB, at most {limit // 2**20} MB are taken.",
            what_to_do="Simplify the mesh or its textures.",
            limit_bytes=limit,
        )
    if not size_bytes:
        raise UploadEmpty("The file is empty.", what_to_do="Export it again.")
    return put_blob(data=file, media_type=QUARANTINE_MEDIA_TYPE)


def check_upload(*, upload_id: UUID) -> None:
    """Read an upload in the sandbox; it becomes usable, or refused with the reason. Doing it again changes nothing."""
    waiting = MeshUpload.objects.filter(id=upload_id, status=MeshUpload.Status.CHECKING)
    if not waiting.update(check_attempts=F("check_attempts") + 1):
        return
    upload = MeshUpload.objects.select_related("original").get(id=upload_id)
    if upload.check_attempts > MAX_CHECK_ATTEMPTS:
        problem = f"The check ended without an answer {MAX_CHECK_ATTEMPTS} times. Simplify the mesh and send it again."
        waiting.update(status=MeshUpload.Status.REFUSED, problem=problem)
        return
    try:
        mesh = canonicalise_glb(read_blob(blob=upload.original), file_name=upload.file_name)
    except MeshRefused as refusal:
        waiting.update(status=MeshUpload.Status.REFUSED, problem=refusal.message)
        return
    waiting.update(
        status=MeshUpload.Status.USABLE,
        canonical=put_blob(data=mesh.glb, media_type="model/gltf-binary"),
        vertex_count=mesh.vertex_count,
        face_count=mesh.face_count,
        watertight=mesh.watertight,
    )


def check_soon(*, upload_id: UUID) -> None:
    """Send the check to a process that may read meshes."""
    send_soon(CHECK_TASK, upload_id=str(upload_id))


def resend_unchecked(*, now: datetime | None = None) -> int:
    """Send checks again that got lost; return how many."""
    moment = now or timezone.now()
    waiting = MeshUpload.objects.filter(status=MeshUpload.Status.CHECKING, created_at__lt=moment - RESEND_AFTER)
    lost = list(waiting.values_list("id", flat=True)[:100])
    for upload_id in lost:
        check_soon(upload_id=upload_id)
    return len(lost)
