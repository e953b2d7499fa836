"""Evaluations over HTTP. What voters get names no contender, entry, seed or stored object."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from engine.contracts.generation import Modality
from engine.flywheel.voting.ballots import BallotTask
from engine.flywheel.voting.models import Evaluation
from engine.selection.serializers import (
    ANSWERS,
    PairSerializer,
    ProgressSerializer,
    RoundLayoutSerializer,
    SubmitSerializer,
)
from engine.sourcing.task_serializers import TargetTaskSerializer, TextSerializer

PHASES = [("compare", "compare"), ("done", "done")]


class BallotProgressSerializer(ProgressSerializer):
    """Where a ballot stands; `done` once every entry was shown: then it can be handed in."""

    phase = serializers.SerializerMethodField()  # type: ignore[assignment]

    @extend_schema_field(serializers.ChoiceField(choices=PHASES))
    def get_phase(self, progress: Any) -> str:
        return "done" if progress.standing.winner else "compare"


class BallotCandidateSerializer(serializers.Serializer[Any]):
    """What is shown, under an id that tells nothing."""

    presentation_id = serializers.UUIDField()
    mesh_url = serializers.CharField()


class BallotTaskSerializer(TargetTaskSerializer):
    """A whole ballot.

    `candidates` lists every mesh in order of appearance, `layouts` how each round is laid out: a page that knows both
    loads ahead and shows the next pair without waiting for the server, which decides all the same.
    """

    modality = serializers.ChoiceField(
        source="modality.value",
        choices=[(x.value, x.value) for x in Modality],
        help_text="What is judged: bare shapes, or (`texture`) shapes in their colours.",
    )
    candidates = serializers.SerializerMethodField()
    pair = PairSerializer(source="progress.pair", allow_null=True)
    round = serializers.IntegerField(source="progress.standing.round")
    rounds = serializers.IntegerField(source="progress.standing.rounds")
    phase = serializers.SerializerMethodField()
    winner = serializers.UUIDField(source="progress.winner", allow_null=True)
    can_undo = serializers.SerializerMethodField()
    layouts = RoundLayoutSerializer(source="progress.layouts", many=True)
    answers = serializers.ListField(
        source="progress.answers", child=serializers.ChoiceField(choices=ANSWERS), help_text="What stands, by round."
    )
    taken_back = serializers.ListField(
        source="progress.taken_back",
        child=serializers.ChoiceField(choices=ANSWERS),
        help_text="What can be given again as it was, the next one last.",
    )
    guidelines = TextSerializer()

    @extend_schema_field(BallotCandidateSerializer(many=True))
    def get_candidates(self, task: BallotTask) -> list[dict[str, str]]:
        return [
            {"presentation_id": str(shown.id), "mesh_url": reverse("ballot-mesh", args=[shown.id])}
            for shown in task.progress.presentations.values()
        ]

    @extend_schema_field(serializers.ChoiceField(choices=PHASES))
    def get_phase(self, task: BallotTask) -> str:
        return "done" if task.progress.standing.winner else "compare"

    def get_can_undo(self, task: BallotTask) -> bool:
        return bool(task.progress.standing.comparisons)


class HandInSerializer(SubmitSerializer):
    """Body that ends a ballot."""


class EvaluationSetSerializer(serializers.Serializer[Any]):
    """A set that is frozen."""

    name = serializers.CharField(max_length=100)
    targets = serializers.IntegerField(source="target_count")
    created_at = serializers.DateTimeField()


class FreezeSetSerializer(serializers.Serializer[Any]):
    """A set to be."""

    name = serializers.CharField(max_length=100)
    target_ids = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=10_000)


class ContenderPlanSerializer(serializers.Serializer[Any]):
    """A contender to be."""

    name = serializers.CharField(max_length=100)
    generator = serializers.CharField(max_length=60, default="sam3d")
    model_version = serializers.CharField(
        max_length=100, required=False, allow_null=True, default=None, help_text="Name of the checkpoint, if any."
    )
    parameters = serializers.DictField(required=False, default=dict)


class RegisterSerializer(serializers.Serializer[Any]):
    """An evaluation to be."""

    name = serializers.CharField(max_length=100)
    set = serializers.CharField(max_length=100, help_text="Name of a frozen set.")
    contenders = ContenderPlanSerializer(many=True)
    baseline = serializers.CharField(
        max_length=100, required=False, allow_null=True, default=None, help_text="Elo 0; the first where not said."
    )
    seeds = serializers.ListField(child=serializers.IntegerField(), required=False, default=lambda: [0])
    voters_per_item = serializers.IntegerField(required=False, default=1)
    coloured = serializers.BooleanField(required=False, default=False)


class WithdrawSerializer(serializers.Serializer[Any]):
    """Why an evaluation is not to be relied on."""

    reason = serializers.CharField(max_length=2000)


class EvaluationSerializer(serializers.Serializer[Any]):
    """An evaluation as it was registered, and where it stands."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    set = serializers.CharField(source="set.name")
    coloured = serializers.BooleanField()
    seeds = serializers.ListField(child=serializers.IntegerField())
    voters_per_item = serializers.IntegerField()
    state = serializers.ChoiceField(choices=Evaluation.State.choices)
    note = serializers.CharField()
    registered_by = serializers.CharField(source="registered_by.username", default=None, allow_null=True)
    registered_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    contenders = serializers.SerializerMethodField()

    @extend_schema_field({"type": "array", "items": {"type": "string"}})
    def get_contenders(self, evaluation: Evaluation) -> list[str]:
        return [contender.name for contender in sorted(evaluation.contenders.all(), key=lambda one: one.position)]


class ContenderResultSerializer(serializers.Serializer[Any]):
    """A contender and what became of it."""

    name = serializers.CharField()
    generator = serializers.CharField()
    model_version = serializers.CharField(allow_null=True)
    baseline = serializers.BooleanField()
    elo = serializers.FloatField(allow_null=True, help_text="400 points are ten wins to one loss; the baseline has 0.")
    elo_low = serializers.FloatField(allow_null=True, help_text="95 % interval, bootstrapped over targets.")
    elo_high = serializers.FloatField(allow_null=True)
    rank = serializers.IntegerField(
        allow_null=True, help_text="1 + contenders whose lower bound exceeds this one's upper bound."
    )
    wins = serializers.IntegerField()
    losses = serializers.IntegerField()
    ties = serializers.IntegerField()
    made = serializers.IntegerField(help_text="Candidates that were made.")
    failed = serializers.IntegerField(help_text="Candidates that could not be made; nobody voted on these.")
    load_failures = serializers.IntegerField(help_text="How often a voter's page could not show one.")


class VoterAgreementSerializer(serializers.Serializer[Any]):
    """Of pairs that two people compared, how many they said the same of."""

    compared = serializers.IntegerField()
    same = serializers.IntegerField()
    share = serializers.FloatField(allow_null=True)


class ResultsSerializer(serializers.Serializer[Any]):
    """All figures of an evaluation."""

    final = serializers.BooleanField(help_text="Voting has ended; before, figures are preliminary.")
    vote_count = serializers.IntegerField()
    ballots_done = serializers.IntegerField()
    ballots_wanted = serializers.IntegerField()
    target_count = serializers.IntegerField(help_text="Targets with votes: what the bootstrap draws from.")
    problem = serializers.CharField(help_text="Why there are no ratings; empty where there are.")
    contenders = ContenderResultSerializer(many=True)
    wins = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()), help_text="How often row beat column."
    )
    ties = serializers.ListField(child=serializers.ListField(child=serializers.IntegerField()))
    agreement = VoterAgreementSerializer()
    left_share = serializers.FloatField(allow_null=True, help_text="Of votes for a side; far from 0.5 is a bias.")
    median_vote_ms = serializers.IntegerField(allow_null=True)


class EvaluationDetailSerializer(EvaluationSerializer):
    """An evaluation with its results."""

    results = ResultsSerializer()
