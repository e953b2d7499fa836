"""JSON of the flywheel's API."""

from typing import Any

from rest_framework import serializers


class IterationStartSerializer(serializers.Serializer[Any]):
    """A new iteration."""

    alpha = serializers.FloatField(min_value=0, max_value=1, help_text="The bar α_k.")
    settings = serializers.DictField(required=False, default=dict, help_text="Only what differs from the defaults.")


class IterationResumeSerializer(serializers.Serializer[Any]):
    """How to go on after a failure."""

    settings = serializers.DictField(required=False, default=dict, help_text="Changes to the settings.")
    skip = serializers.BooleanField(required=False, default=False, help_text="Leave out the step that failed.")


class TrainingRunSerializer(serializers.Serializer[Any]):
    """A training or evaluation run."""

    iteration = serializers.IntegerField(allow_null=True)
    purpose = serializers.CharField()
    kind = serializers.CharField()
    status = serializers.CharField()
    attempt = serializers.IntegerField()
    step = serializers.IntegerField()
    total_steps = serializers.IntegerField()
    metrics = serializers.DictField()
    duration_seconds = serializers.FloatField(allow_null=True)
    error = serializers.CharField()


class IterationStatusSerializer(serializers.Serializer[Any]):
    """The last iteration, as everybody may know it."""

    number = serializers.IntegerField()
    step = serializers.CharField()
    failed = serializers.BooleanField()
    failure = serializers.CharField(help_text="Empty for people who do not run the flywheel.")
    alpha = serializers.FloatField()


class FlywheelStatusSerializer(serializers.Serializer[Any]):
    """Where the flywheel stands."""

    iteration = IterationStatusSerializer(allow_null=True)
    promoted = serializers.CharField(allow_null=True, help_text="Name of the promoted model version.")


class StepProgressSerializer(serializers.Serializer[Any]):
    """How much is done of how much."""

    done = serializers.IntegerField()
    total = serializers.IntegerField()
    note = serializers.CharField()


class IterationSerializer(IterationStatusSerializer):
    """An iteration."""

    started_at = serializers.DateTimeField()
    step_entered_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    seconds_by_step = serializers.DictField(child=serializers.FloatField())
    skipped = serializers.DictField(child=serializers.CharField(), help_text="Step → why it was left out.")
    base = serializers.CharField(allow_null=True)
    sft_version = serializers.CharField(allow_null=True)
    dpo_version = serializers.CharField(allow_null=True)
    snapshot_sha256 = serializers.CharField(allow_null=True)
    decision = serializers.DictField(help_text="What the promotion gate compared and decided.")
    settings = serializers.DictField()


class IterationDetailSerializer(IterationSerializer):
    """An iteration with its runs and how far it is."""

    runs = TrainingRunSerializer(many=True)
    progress = serializers.DictField(child=StepProgressSerializer(), help_text="Step or run → how far it is.")


class ModelVersionSerializer(serializers.Serializer[Any]):
    """A checkpoint with its lineage."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    parent = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    stage = serializers.CharField()
    recipe = serializers.CharField()
    snapshot = serializers.UUIDField(allow_null=True)
    metrics = serializers.DictField(help_text="On held-out shapes.")
    training_metrics = serializers.DictField()
    promoted = serializers.BooleanField()
    created_at = serializers.DateTimeField()
