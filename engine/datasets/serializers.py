"""JSON of the datasets API."""

from rest_framework import serializers

from engine.datasets.models import Shard, Snapshot
from engine.storage.services import signed_url

SNAPSHOT_FIELDS = (
    "id",
    "iteration",
    "alpha",
    "status",
    "cutoff_at",
    "frozen_at",
    "sha256",
    "example_count",
    "negative_count",
    "direct_pair_count",
    "inferred_pair_count",
    "below_alpha_count",
    "posed_count",
    "error",
)


class SnapshotSerializer(serializers.ModelSerializer[Snapshot]):
    """A snapshot of D+, r, D-; `sha256` names it once it is frozen."""

    sha256 = serializers.CharField(source="manifest_id", allow_null=True)

    class Meta:
        model = Snapshot
        fields = SNAPSHOT_FIELDS


class SnapshotFileSerializer(serializers.ModelSerializer[Shard]):
    """One file of a snapshot; its URL is signed now."""

    sha256 = serializers.CharField(source="blob_id")
    size_bytes = serializers.IntegerField(source="blob.size_bytes")
    url = serializers.SerializerMethodField()

    class Meta:
        model = Shard
        fields = ("name", "kind", "row_count", "sha256", "size_bytes", "url")

    def get_url(self, file: Shard) -> str:
        return signed_url(blob=file.blob, filename=file.name)


class SnapshotDetailSerializer(SnapshotSerializer):
    """A snapshot with its files and all counts, what was left out included."""

    files = SnapshotFileSerializer(many=True)
    manifest_url = serializers.SerializerMethodField()

    class Meta:
        model = Snapshot
        fields = (*SNAPSHOT_FIELDS, "options", "counts", "manifest_url", "files")

    def get_manifest_url(self, snapshot: Snapshot) -> str | None:
        return signed_url(blob=snapshot.manifest, filename="manifest.json") if snapshot.manifest else None
