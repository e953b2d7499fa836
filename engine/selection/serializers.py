"""Stage 2 over HTTP. Annotators are blind: nothing here names a generator, a candidate, a seed or a stored object."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from engine.contracts.generation import Modality
from engine.selection import texts
from engine.selection.handing_out import SelectionTask
from engine.selection.models import FailureReason
from engine.selection.tournament import Answer
from engine.sourcing.task_serializers import TargetTaskSerializer, TextSerializer
from engine.sourcing.task_serializers import TaskImageSerializer as TaskImageSerializer
from engine.sourcing.task_serializers import TaskMaskSerializer as TaskMaskSerializer
from engine.workforce.serializers import TokenSerializer

ANSWERS = [(answer.value, answer.value) for answer in Answer]
PHASES = [("compare", "compare"), ("rate", "rate")]
SIDES = [(side.value, side.value) for side in (Answer.LEFT, Answer.RIGHT)]


class PairSerializer(serializers.Serializer[Any]):
    """Presentation ids of the two candidates on show."""

    left = serializers.UUIDField()
    right = serializers.UUIDField()


class ProgressSerializer(serializers.Serializer[Any]):
    """Where the tournament stands."""

    pair = PairSerializer(allow_null=True, help_text="What to compare now; null once every candidate was shown.")
    round = serializers.IntegerField(source="standing.round")
    rounds = serializers.IntegerField(source="standing.rounds")
    phase = serializers.ChoiceField(choices=PHASES)
    winner = serializers.UUIDField(allow_null=True, help_text="Presentation id of what is to be rated.")
    can_undo = serializers.SerializerMethodField()

    def get_can_undo(self, progress: Any) -> bool:
        return bool(progress.standing.comparisons)


class RoundLayoutSerializer(serializers.Serializer[Any]):
    """What is settled about a round before anybody answers."""

    staying_side = serializers.ChoiceField(
        choices=SIDES,
        help_text="Where the candidate that stayed on stands; in the first round, the first of `candidates`.",
    )
    kept_if_equal = serializers.ChoiceField(choices=SIDES, help_text="The side that stays after `equal`.")


class SelectionTaskSerializer(TargetTaskSerializer):
    """A whole Stage 2 task.

    `candidates` lists every mesh in order of appearance, `layouts` how each round is laid out: a page that knows both
    loads ahead and shows the next pair without waiting for the server, which decides all the same.
    """

    modality = serializers.ChoiceField(
        source="selection.modality.value",
        choices=[(x.value, x.value) for x in Modality],
        help_text="What is chosen: the `shape`, or the `texture` of one shape that all candidates share.",
    )
    candidates = serializers.SerializerMethodField()
    pair = PairSerializer(source="progress.pair", allow_null=True)
    round = serializers.IntegerField(source="progress.standing.round")
    rounds = serializers.IntegerField(source="progress.standing.rounds")
    phase = serializers.ChoiceField(source="progress.phase", choices=PHASES)
    winner = serializers.UUIDField(source="progress.winner", allow_null=True)
    can_undo = serializers.SerializerMethodField()
    layouts = RoundLayoutSerializer(source="progress.layouts", many=True)
    answers = serializers.ListField(
        source="progress.answers",
        child=serializers.ChoiceField(choices=ANSWERS),
        help_text="What stands, by round.",
    )
    taken_back = serializers.ListField(
        source="progress.taken_back",
        child=serializers.ChoiceField(choices=ANSWERS),
        help_text="What can be given again as it was, the next one last.",
    )
    bar = serializers.FloatField(help_text="A rating under it needs a failure reason.")
    rubric = serializers.SerializerMethodField()
    guidelines = serializers.SerializerMethodField()

    @extend_schema_field(
        {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "presentation_id": {"type": "string", "format": "uuid"},
                    "mesh_url": {"type": "string"},
                    "splat_url": {
                        "type": "string",
                        "nullable": True,
                        "description": "Where textures are judged and every candidate has a splat: show these instead.",
                    },
                },
                "required": ["presentation_id", "mesh_url", "splat_url"],
            },
        }
    )
    def get_candidates(self, task: SelectionTask) -> list[dict[str, str | None]]:
        return [
            {
                "presentation_id": str(shown.id),
                "mesh_url": reverse("presentation-mesh", args=[shown.id]),
                "splat_url": reverse("presentation-splat", args=[shown.id]) if task.as_splats else None,
            }
            for shown in task.progress.presentations.values()
        ]

    def get_can_undo(self, task: SelectionTask) -> bool:
        return bool(task.progress.standing.comparisons)

    @extend_schema_field(TextSerializer)
    def get_rubric(self, task: SelectionTask) -> Any:
        return TextSerializer(texts.rubric(task.selection.modality)).data

    @extend_schema_field(TextSerializer)
    def get_guidelines(self, task: SelectionTask) -> Any:
        return TextSerializer(texts.guidelines(task.selection.modality)).data


class JudgedSelectionSerializer(SelectionTaskSerializer):
    """A Stage 2 judgement: the task as it was left, and the rating."""

    rating = serializers.FloatField(source="selection.rating")
    failure_reason = serializers.ChoiceField(
        source="selection.failure_reason", choices=FailureReason.choices, allow_blank=True
    )
    rated_bar = serializers.FloatField(source="selection.alpha", help_text="α when it was rated.")


class ClaimSerializer(serializers.Serializer[Any]):
    """Body of a claim."""

    prefetch = serializers.BooleanField(default=False, help_text="Allow a second lease, to load the next task ahead.")


class AnswerSerializer(TokenSerializer):
    """Body of one comparison."""

    answer = serializers.ChoiceField(choices=ANSWERS)
    pair = PairSerializer(
        required=False,
        allow_null=True,
        default=None,
        help_text="What was on show; `pair_moved_on` where it is no more (a second click, another window).",
    )
    duration_ms = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=0)


class SubmitSerializer(TokenSerializer):
    """What every submit carries."""

    duration_ms = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, help_text="Active time on the task, as the page measured it."
    )
    guideline_version = serializers.CharField(max_length=40)


class SubmitSelectionSerializer(SubmitSerializer):
    """Body that ends a selection."""

    rating = serializers.FloatField(help_text="r in [0, 1] by the rubric.")
    rubric_version = serializers.CharField(
        max_length=40,
        required=False,
        default="",
        allow_blank=True,
        help_text="Of the rubric that was read; the current one where not said.",
    )
    failure_reason = serializers.ChoiceField(
        choices=FailureReason.choices, required=False, allow_blank=True, default="", help_text="Wanted under the bar."
    )

    def validate_rubric_version(self, version: str) -> str:
        known = texts.rubric_versions()
        if version and version not in known:
            raise serializers.ValidationError(f"There is no such rubric; known are {', '.join(known)}.")
        return version


class SubmittedSerializer(serializers.Serializer[Any]):
    """Acknowledges a submit: what it says is stored."""

    work_item = serializers.UUIDField()
