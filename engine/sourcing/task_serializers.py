"""What the tasks of all stages show of a target. Annotators are blind: nothing here says where anything comes from."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from engine.sourcing.models import Image
from engine.sourcing.photographs import PREVIEW_MEDIA_TYPE
from engine.storage.models import Blob
from engine.storage.services import signed_url
from engine.workforce.models import WorkItem


class TaskImageSerializer(serializers.Serializer[Image]):
    """A photograph; its URLs are signed now. A large one has a smaller preview, for pages to open first."""

    url = serializers.SerializerMethodField()
    preview_url = serializers.SerializerMethodField()
    width = serializers.IntegerField(source="width_px")
    height = serializers.IntegerField(source="height_px")

    def get_url(self, image: Image) -> str:
        return signed_url(blob=image.blob)

    def get_preview_url(self, image: Image) -> str | None:
        if image.preview_blob_id is None:
            return None
        return signed_url(
            blob=Blob(sha256=image.preview_blob_id, media_type=PREVIEW_MEDIA_TYPE)
        )  # without asking for it


class TaskMaskSerializer(serializers.Serializer[Any]):
    """M as uncompressed COCO run lengths: column-major, zeros first."""

    height = serializers.IntegerField(source="image.height_px")
    width = serializers.IntegerField(source="image.width_px")
    counts = serializers.SerializerMethodField()

    def get_counts(self, target: Any) -> list[int]:
        counts: list[int] = target.mask_counts
        return counts


class TextSerializer(serializers.Serializer[Any]):
    """Markdown and its version."""

    version = serializers.CharField()
    markdown = serializers.CharField()


class LeasedTaskSerializer(serializers.Serializer[Any]):
    """What every task has: its lease. Wants `.work_item`."""

    work_item = serializers.UUIDField(source="work_item.id")
    token = serializers.IntegerField(source="work_item.fencing_token", help_text="Proves the lease in every write.")
    lease_expires_at = serializers.DateTimeField(source="work_item.lease_expires_at", allow_null=True)
    lease_seconds = serializers.SerializerMethodField()
    reviewer_note = serializers.CharField(
        source="work_item.note", help_text="Why a reviewer gave the task back to you; empty where none did."
    )

    def get_lease_seconds(self, task: Any) -> int:
        item: WorkItem = task.work_item
        return int(settings.LATHE_LEASE_SECONDS[item.stage])


class TargetTaskSerializer(LeasedTaskSerializer):
    """What every task about a target has: the lease, the photograph and the mask. Wants `.work_item` and `.target`."""

    image = TaskImageSerializer(source="target.image")
    mask = TaskMaskSerializer(source="target")
    category = serializers.SerializerMethodField()
    description = serializers.CharField(source="target.description")

    def get_category(self, task: Any) -> str:
        return str(task.target.category or task.target.free_category)
