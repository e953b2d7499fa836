"""Objects and their rows."""

from pathlib import Path

import pytest

from engine.contracts.blobs import BlobRef
from engine.storage import services
from engine.storage.blobs import BlobMissing
from engine.storage.models import Blob

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_store(settings, tmp_path: Path) -> None:
    settings.LATHE_STORAGE_URL = tmp_path.as_uri()


def test_a_stored_object_has_one_row() -> None:
    first, second = (services.put_blob(data=b"x", media_type="text/plain") for _ in range(2))
    assert first == second
    assert Blob.objects.count() == 1
    assert services.read_blob(blob=first) == b"x"
    assert services.blob_ref(first) == BlobRef(sha256=first.sha256, media_type="text/plain", size_bytes=1)


def test_a_worker_s_object_is_recorded_if_it_is_there() -> None:
    ref = services.store().put(b"from a worker", media_type="model/gltf-binary")
    blob = services.record_blob(ref=ref)
    assert (blob.sha256, blob.media_type, blob.size_bytes) == (ref.sha256, "model/gltf-binary", 13)
    assert services.record_blob(ref=ref) == blob


def test_a_worker_s_claim_is_checked() -> None:
    with pytest.raises(BlobMissing):
        services.record_blob(ref=BlobRef(sha256="0" * 64, media_type="text/plain", size_bytes=1))
    ref = services.store().put(b"short", media_type="text/plain")
    with pytest.raises(services.BlobMismatch, match="5 bytes"):
        services.record_blob(ref=BlobRef(sha256=ref.sha256, media_type="text/plain", size_bytes=9))
    assert not Blob.objects.exists()
