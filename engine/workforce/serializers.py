"""JSON of the workforce API."""

from rest_framework import serializers

from engine.workforce.models import Role, SkipReason
from engine.workforce.review_serializers import AgreedSerializer

MOST_COMMANDS = 200
LONGEST_COMMAND = 60


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


class KeyBindingsSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """The keys of one page that a person has changed."""

    bindings = serializers.DictField(
        child=serializers.RegexField(r"^(Shift\+)?[A-Za-z0-9]+$", max_length=40),
        help_text="Combination (a place on the keyboard, such as `KeyU` or `Shift+Digit1`) by command.",
    )

    def validate_bindings(self, bindings: dict[str, str]) -> dict[str, str]:
        if len(bindings) > MOST_COMMANDS or any(len(command) > LONGEST_COMMAND for command in bindings):
            raise serializers.ValidationError(
                f"At most {MOST_COMMANDS} commands of at most {LONGEST_COMMAND} characters are kept."
            )
        return bindings


class MeSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """The signed-in person."""

    username = serializers.CharField()
    roles = serializers.ListField(child=serializers.ChoiceField(choices=Role.choices))
    waiting = serializers.DictField(child=WaitingSerializer(), help_text="By stage; only stages of the roles.")
    today = TimesSerializer()
    week = TimesSerializer()
    stages = serializers.DictField(child=PerformanceSerializer(), help_text="By stage; only where work was done.")
    keys = serializers.DictField(
        child=serializers.DictField(child=serializers.CharField()), help_text="Changed keys, by page and command."
    )
    agreement = serializers.DictField(
        child=AgreedSerializer(), help_text="With colleagues and known answers, up to midnight UTC, by stage."
    )
