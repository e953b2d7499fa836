"""Files of artists: quarantined, checked in a limited process, rewritten or refused."""

import io
from datetime import timedelta

import pytest
from django.utils import timezone

from engine.artistry import services, uploads
from engine.artistry.models import MeshUpload
from engine.contracts.glb import read_glb
from engine.generation.meshes import MeshRefused
from engine.storage.services import read_blob
from tests.integration.alignment.conftest import box_glb

pytestmark = pytest.mark.django_db

CUBE_OBJ = b"""
v 0 0 0\nv 2 0 0\nv 2 2 0\nv 0 2 0\nv 0 0 2\nv 2 0 2\nv 2 2 2\nv 0 2 2
f 1 4 3 2\nf 5 6 7 8\nf 1 2 6 5\nf 2 3 7 6\nf 3 4 8 7\nf 4 1 5 8
"""


def receive(artist, content, name="mesh.glb"):
    item = services.claim(user=artist).work_item
    original = services.quarantine_upload(
        user=artist, work_item_id=item.id, file=io.BytesIO(content), size_bytes=len(content)
    )
    return services.receive_upload(user=artist, work_item_id=item.id, original=original, file_name=name)


def test_an_upload_waits_for_its_check(job, artist, sent, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        upload = receive(artist, b"anything")
    assert (upload.status, upload.canonical) == ("checking", None)
    assert read_blob(blob=upload.original) == b"anything"
    assert upload.original.media_type == "application/octet-stream"
    assert sent == [str(upload.id)]


def test_a_mesh_is_rewritten_in_the_sandbox(job, artist):
    upload = receive(artist, CUBE_OBJ, name="Cube.OBJ")
    uploads.check_upload(upload_id=upload.id)
    upload.refresh_from_db()
    assert (upload.status, upload.face_count, upload.watertight) == ("usable", 12, True), upload.problem
    (part,) = read_glb(read_blob(blob=upload.canonical))
    assert part.positions.min() == -0.5
    assert part.positions.max() == 0.5
    attempts = upload.check_attempts
    uploads.check_upload(upload_id=upload.id)
    upload.refresh_from_db()
    assert upload.check_attempts == attempts


def test_a_file_that_is_no_mesh_is_refused_with_the_reason(job, artist):
    upload = receive(artist, b"glTF but not really", name="mesh.glb")
    uploads.check_upload(upload_id=upload.id)
    upload.refresh_from_db()
    assert upload.status == "refused"
    assert "refused" in upload.problem
    assert upload.canonical is None


def test_a_file_above_the_limit_is_not_stored(job, artist, settings):
    settings.LATHE_MAX_UPLOAD_BYTES = 10
    with pytest.raises(uploads.UploadTooLarge, match="at most"):
        receive(artist, b"12345678901")
    assert not MeshUpload.objects.exists()


def test_an_empty_file_is_refused(job, artist):
    with pytest.raises(uploads.UploadEmpty):
        receive(artist, b"")


def test_a_check_that_never_ends_is_given_up(job, artist, monkeypatch):
    upload = receive(artist, box_glb())

    def killed(data, **kwargs):
        raise MemoryError

    monkeypatch.setattr(uploads, "canonicalise_glb", killed)
    for _ in range(uploads.MAX_CHECK_ATTEMPTS):
        with pytest.raises(MemoryError):
            uploads.check_upload(upload_id=upload.id)
    uploads.check_upload(upload_id=upload.id)
    upload.refresh_from_db()
    assert upload.status == "refused"
    assert "3 times" in upload.problem


def test_a_lost_check_is_sent_again(job, artist, sent):
    upload = receive(artist, box_glb())
    assert uploads.resend_unchecked() == 0
    assert uploads.resend_unchecked(now=timezone.now() + uploads.RESEND_AFTER + timedelta(seconds=1)) == 1
    assert sent == [str(upload.id)]


def test_a_refusal_carries_the_reason_of_the_sandbox(job, artist, monkeypatch):
    upload = receive(artist, box_glb())

    def refuse(data, **kwargs):
        raise MeshRefused("it has 6,000,000 faces, at most 5,000,000 are allowed")

    monkeypatch.setattr(uploads, "canonicalise_glb", refuse)
    uploads.check_upload(upload_id=upload.id)
    upload.refresh_from_db()
    assert "6,000,000 faces" in upload.problem
