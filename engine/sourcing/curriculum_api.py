"""The curriculum over HTTP: how objects are distributed, how they should be, what is planned; and its settings."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engine.contracts.taxonomy import categories
from engine.sourcing import planning
from engine.sourcing.curriculum import TIER_NAMES, UNFILED
from engine.sourcing.models import CurriculumPlan, CurriculumSettings
from engine.workforce.idempotency import IdempotentWrites
from engine.workforce.models import Role
from engine.workforce.permissions import HasRole

HISTORY = 60

SETTINGS_EXAMPLE = {
    "goal_objects": 10000,
    "simple_at_start": 0.8,
    "structured_at_start": 0.18,
    "simple_at_end": 0.4,
    "structured_at_end": 0.35,
    "flatness_at_start": 0.3,
    "flatness_at_end": 0.9,
    "unfiled_share": 0.05,
    "horizon": 500,
}
SHARES_EXAMPLE = {"done": 120, "waiting": 14, "target_share": 0.031, "current_share": 0.052, "planned_share": 0.01}


class SharesSerializer(serializers.Serializer[Any]):
    """Objects done and waiting, and their share: wanted now, so far, and of the next work items."""

    done = serializers.IntegerField()
    waiting = serializers.IntegerField()
    target_share = serializers.FloatField()
    current_share = serializers.FloatField()
    planned_share = serializers.FloatField()


class TierSharesSerializer(SharesSerializer):
    """Shares of a tier of geometry."""

    tier = serializers.CharField(help_text="`simple`, `structured`, `deformable` or `unfiled`.")


class CategorySharesSerializer(SharesSerializer):
    """Shares of a leaf."""

    id = serializers.CharField(help_text="Leaf of the taxonomy; empty: objects that no leaf fits.")
    name = serializers.CharField()
    group = serializers.CharField()
    tier = serializers.CharField()


class PlanPointSerializer(serializers.Serializer[Any]):
    """The distribution over tiers at one time."""

    at = serializers.DateTimeField()
    done_objects = serializers.IntegerField()
    current_shares = serializers.DictField(child=serializers.FloatField())


class CurriculumSettingsSerializer(serializers.ModelSerializer[CurriculumSettings]):
    """Where the way begins and ends."""

    class Meta:
        model = CurriculumSettings
        exclude = ["id", "changed_at"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for end in ("start", "end"):
            if attrs[f"simple_at_{end}"] + attrs[f"structured_at_{end}"] > 1:
                raise serializers.ValidationError(f"Simple and structured together are more than all, at the {end}.")
        return attrs


class CurriculumSerializer(serializers.Serializer[Any]):
    """The newest plan."""

    planned_at = serializers.DateTimeField()
    progress = serializers.FloatField(help_text="Objects done over objects wanted, at most 1.")
    done_objects = serializers.IntegerField()
    waiting_objects = serializers.IntegerField()
    moved_items = serializers.IntegerField(help_text="Work items that came into another priority band.")
    tiers = TierSharesSerializer(many=True)
    categories = CategorySharesSerializer(many=True)
    history = PlanPointSerializer(many=True, help_text="Oldest first.")
    settings = CurriculumSettingsSerializer()


EXAMPLE = OpenApiExample(
    "A plan",
    value={
        "planned_at": "2026-03-01T12:00:00Z",
        "progress": 0.23,
        "done_objects": 2300,
        "waiting_objects": 410,
        "moved_items": 38,
        "tiers": [{"tier": "simple", **SHARES_EXAMPLE}],
        "categories": [
            {"id": "mug", "name": "Mug", "group": "drinkware_and_vessels", "tier": "simple", **SHARES_EXAMPLE}
        ],
        "history": [{"at": "2026-03-01T11:55:00Z", "done_objects": 2290, "current_shares": {"simple": 0.71}}],
        "settings": SETTINGS_EXAMPLE,
    },
    response_only=True,
)


class CurriculumView(IdempotentWrites, APIView):
    """The distribution of objects and the plan for the next ones."""

    permission_classes = [HasRole(Role.ML_ENGINEER, Role.REVIEWER, Role.ADMIN)]

    @extend_schema(operation_id="curriculum_read", responses=CurriculumSerializer, examples=[EXAMPLE])
    def get(self, request: Request) -> Response:
        """The newest plan; the first reader makes the first one."""
        row = planning.settings_row()
        newest = CurriculumPlan.objects.order_by("-created_at").first() or planning.plan(settings=row)
        return Response(_answer(newest, row))


class PlanCurriculumView(IdempotentWrites, APIView):
    """Plan now."""

    permission_classes = [HasRole(Role.ML_ENGINEER)]

    @extend_schema(operation_id="curriculum_plan", request=None, responses=CurriculumSerializer, examples=[EXAMPLE])
    def post(self, request: Request) -> Response:
        """Count again and put waiting work in order, without waiting for the timetable."""
        row = planning.settings_row()
        return Response(_answer(planning.plan(settings=row), row))


class CurriculumSettingsView(IdempotentWrites, APIView):
    """Where the way begins and ends."""

    permission_classes = [HasRole(Role.ML_ENGINEER)]

    @extend_schema(
        operation_id="curriculum_settings",
        request=CurriculumSettingsSerializer,
        responses=CurriculumSerializer,
        examples=[OpenApiExample("Settings", value=SETTINGS_EXAMPLE, request_only=True), EXAMPLE],
    )
    def put(self, request: Request) -> Response:
        """Change the settings, and plan by them at once."""
        body = CurriculumSettingsSerializer(planning.settings_row(), data=request.data)
        body.is_valid(raise_exception=True)
        row = body.save()
        return Response(_answer(planning.plan(settings=row), row))


def _answer(plan: CurriculumPlan, row: CurriculumSettings) -> dict[str, Any]:
    history = CurriculumPlan.objects.order_by("-created_at").values_list("created_at", "done_objects", "tiers")
    leaves = [
        {
            "id": category.id,
            "name": category.name,
            "group": category.group,
            "tier": category.complexity.value,
            **plan.categories[category.id],
        }
        for category in categories()
        if category.id in plan.categories
    ]
    unfiled = {"id": UNFILED, "name": "Own words", "group": "", "tier": "unfiled", **plan.categories[UNFILED]}
    return dict(
        CurriculumSerializer(
            {
                "planned_at": plan.created_at,
                "progress": plan.progress,
                "done_objects": plan.done_objects,
                "waiting_objects": plan.waiting_objects,
                "moved_items": plan.moved_items,
                "tiers": [{"tier": tier, **plan.tiers[tier]} for tier in TIER_NAMES],
                "categories": [*leaves, unfiled],
                "history": [
                    {
                        "at": at,
                        "done_objects": done,
                        "current_shares": {tier: shares["current_share"] for tier, shares in tiers.items()},
                    }
                    for at, done, tiers in reversed(history[:HISTORY])
                ],
                "settings": row,
            }
        ).data
    )
