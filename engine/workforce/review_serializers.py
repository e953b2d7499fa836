"""JSON of reviews, second opinions and agreement."""

from typing import Any

from rest_framework import serializers

from engine.lifecycle import SECOND_LOOKS
from engine.workforce.models import NOTE_LENGTH, Judgement, SecondOpinion, WorkItem
from engine.workforce.reviews import Act

STAGES = [(stage, stage) for stage in SECOND_LOOKS]


class QueueFilterSerializer(serializers.Serializer[Any]):
    """Which judgements to look through."""

    stage = serializers.ChoiceField(choices=STAGES)
    review = serializers.ChoiceField(
        choices=Judgement.Review.choices, required=False, default=Judgement.Review.UNREVIEWED
    )
    person = serializers.CharField(required=False, default="", help_text="User name.")
    purpose = serializers.ChoiceField(choices=WorkItem.Purpose.choices, required=False, allow_blank=True, default="")
    cursor = serializers.CharField(required=False, default="", help_text="`next_cursor` of the page before.")


class OpinionSerializer(serializers.Serializer[Any]):
    """What somebody else said to the same question; without a work item it is still to come."""

    work_item = serializers.UUIDField(source="other", allow_null=True)
    person = serializers.CharField(source="judgement.user.username", allow_null=True, default=None)
    purpose = serializers.ChoiceField(
        source="opinion.purpose", choices=[(x.value, x.label) for x in SecondOpinion.PURPOSES]
    )
    state = serializers.ChoiceField(source="opinion.state", choices=SecondOpinion.State.choices)
    agrees = serializers.BooleanField(source="opinion.agrees", allow_null=True)
    measures = serializers.DictField(
        source="opinion.measures", help_text="Number, yes or no, or null, by name; they differ from stage to stage."
    )


class EntrySerializer(serializers.Serializer[Any]):
    """A judgement in the queue."""

    work_item = serializers.UUIDField(source="judgement.pk")
    stage = serializers.ChoiceField(source="judgement.stage", choices=STAGES)
    purpose = serializers.ChoiceField(source="judgement.work_item.purpose", choices=WorkItem.Purpose.choices)
    person = serializers.CharField(source="judgement.user.username")
    submitted_at = serializers.DateTimeField(source="judgement.submitted_at")
    duration_ms = serializers.IntegerField(source="judgement.duration_ms")
    guideline_version = serializers.CharField(source="judgement.guideline_version")
    review = serializers.ChoiceField(source="judgement.review", choices=Judgement.Review.choices)
    reviewed_by = serializers.CharField(source="judgement.reviewed_by.username", allow_null=True, default=None)
    note = serializers.CharField(source="judgement.redone_as.note", default="", help_text="Given with a return.")
    set_aside = serializers.SerializerMethodField(help_text="It counts for nothing any more.")
    disagrees = serializers.BooleanField(source="judgement.disagrees")
    possible = serializers.ListField(
        child=serializers.ChoiceField(choices=[(act.value, act.value) for act in Act]),
        help_text="What you may do with it now. Sending back can still meet a target that is under way.",
    )
    opinions = OpinionSerializer(many=True)

    def get_set_aside(self, entry: Any) -> bool:
        return entry.judgement.set_aside_at is not None


class QueuePageSerializer(serializers.Serializer[Any]):
    """Some judgements; the next ones by `cursor`."""

    entries = EntrySerializer(many=True)
    next_cursor = serializers.CharField(allow_blank=True, help_text="Empty: there are no more.")


class SendBackSerializer(serializers.Serializer[Any]):
    """Why a judgement goes back to its author."""

    note = serializers.CharField(max_length=NOTE_LENGTH, help_text="They read it with the task.")


class ReviewedSerializer(serializers.Serializer[Any]):
    """What a judgement has become."""

    work_item = serializers.UUIDField()
    review = serializers.ChoiceField(choices=Judgement.Review.choices)


class AskedSerializer(serializers.Serializer[Any]):
    """The judgement that somebody else is asked about."""

    work_item = serializers.UUIDField()
    state = serializers.ChoiceField(choices=SecondOpinion.State.choices)


class MeasuredSerializer(serializers.Serializer[Any]):
    """The mean of a measure; of yes and no the share of yes."""

    name = serializers.CharField()
    count = serializers.IntegerField()
    mean = serializers.FloatField()


class IntervalSerializer(serializers.Serializer[Any]):
    """Where the share lies with 95 % confidence (Wilson)."""

    low = serializers.FloatField()
    high = serializers.FloatField()


class AgreedSerializer(serializers.Serializer[Any]):
    """How many second opinions agree, and what that says."""

    compared = serializers.IntegerField()
    agreeing = serializers.IntegerField()
    share = serializers.FloatField()
    interval = IntervalSerializer()
    enough = serializers.BooleanField(help_text="Whether so few say anything at all.")


class PersonAgreedSerializer(AgreedSerializer):
    """Of one person; an overlap counts for both of its people."""

    username = serializers.CharField()
    stage = serializers.CharField()
    purpose = serializers.CharField()


class StageAgreedSerializer(AgreedSerializer):
    """Of all people of a stage; here an overlap counts once."""

    stage = serializers.CharField()
    purpose = serializers.CharField()
    measures = MeasuredSerializer(many=True)


class AgreementSerializer(serializers.Serializer[Any]):
    """How well people agree."""

    people = PersonAgreedSerializer(many=True)
    stages = StageAgreedSerializer(many=True)


class SharesSerializer(serializers.Serializer[Any]):
    """How often a judgement of a stage draws another one."""

    gold_share = serializers.FloatField(min_value=0, max_value=1)
    overlap_share = serializers.FloatField(min_value=0, max_value=1)


class StageSharesSerializer(SharesSerializer):
    """The shares of one stage."""

    stage = serializers.ChoiceField(choices=STAGES)
