"""JSON of the workforce API."""

from rest_framework import serializers

from engine.workforce.models import Role, SkipReason


class TokenSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """Proof of the lease."""

    token = serializers.IntegerField(min_value=1, help_text="The fencing token that came with the task.")


class SkipSerializer(TokenSerializer):
    """Why the item is skipped."""

    reason = serializers.ChoiceField(choices=SkipReason.choices)
    note = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")


class LeaseSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """A lease as it stands now."""

    work_item = serializers.UUIDField()
    token = serializers.IntegerField()
    lease_expires_at = serializers.DateTimeField()
    lease_seconds = serializers.IntegerField()


class DraftSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """Unsent work: any JSON."""

    content = serializers.JSONField()
    saved_at = serializers.DateTimeField(read_only=True)


class WaitingSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """Open work of a stage; `more` says that counting stopped."""

    count = serializers.IntegerField()
    more = serializers.BooleanField()


class TimesSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """Judgements given, and their median duration."""

    done = serializers.IntegerField()
    median_duration_ms = serializers.IntegerField(allow_null=True)


class PerformanceSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """Today (since midnight UTC) and the last seven days."""

    today = TimesSerializer()
    week = TimesSerializer()


class MeSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """The signed-in person."""

    username = serializers.CharField()
    roles = serializers.ListField(child=serializers.ChoiceField(choices=Role.choices))
    waiting = serializers.DictField(child=WaitingSerializer(), help_text="By stage; only stages of the roles.")
    today = TimesSerializer()
    week = TimesSerializer()
    stages = serializers.DictField(child=PerformanceSerializer(), help_text="By stage; only where work was done.")
