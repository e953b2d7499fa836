"""Admin pages of evaluations: what was registered, what was made, who voted; and the dialogs that begin and end one."""

import json
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from engine.flywheel.admin_actions import EngineersAct, dialog, done
from engine.flywheel.voting import advancing, registering
from engine.flywheel.voting.models import (
    Contender,
    Entry,
    Evaluation,
    EvaluationSet,
    EvaluationTarget,
    Vote,
)
from engine.flywheel.voting.registering import ContenderPlan, UnusableEvaluation
from engine.read_only_admin import ReadOnlyInline, ReadOnlyModelAdmin
from engine.workforce.permissions import person_of

EVALUATIONS = "admin:flywheel_evaluation_changelist"
SETS = "admin:flywheel_evaluationset_changelist"
EXAMPLE = [{"name": "k1", "model_version": "k1-dpo"}, {"name": "library", "generator": "retrieval"}]


class FreezeForm(BaseDialogForm):  # type: ignore[misc]
    """Which targets."""

    name = forms.CharField(label="Name", max_length=100, widget=UnfoldAdminTextInputWidget)
    target_ids = forms.CharField(
        label="Targets",
        required=False,
        help_text="Ids, one a line; or none, and the newest with a verified mask are taken.",
        widget=UnfoldAdminTextareaWidget,
    )
    newest = forms.IntegerField(
        label="So many of the newest", initial=100, min_value=1, max_value=10_000, widget=UnfoldAdminIntegerFieldWidget
    )


class RegisterForm(BaseDialogForm):  # type: ignore[misc]
    """The plan."""

    name = forms.CharField(label="Name", max_length=100, widget=UnfoldAdminTextInputWidget)
    set_name = forms.ChoiceField(label="Set", widget=UnfoldAdminSelectWidget)
    contenders = forms.JSONField(
        label="Contenders",
        initial=EXAMPLE,
        help_text="As JSON, the first one is the baseline; `generator` is sam3d where not said, `parameters` go to it.",
        widget=UnfoldAdminTextareaWidget,
    )
    seeds = forms.JSONField(
        label="Seeds", initial=[0], help_text="A candidate for each, as JSON.", widget=UnfoldAdminTextInputWidget
    )
    voters_per_item = forms.IntegerField(
        label="Voters for each", initial=2, min_value=1, max_value=100, widget=UnfoldAdminIntegerFieldWidget
    )
    coloured = forms.BooleanField(label="Show colours: textures are judged", required=False, widget=UnfoldBooleanWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = EvaluationSet.objects.order_by("-created_at").values_list("name", flat=True)[:100]
        self.fields["set_name"].choices = [(name, name) for name in names]


class WithdrawForm(BaseDialogForm):  # type: ignore[misc]
    """Why."""

    reason = forms.CharField(label="Reason", max_length=2000, widget=UnfoldAdminTextareaWidget)


class TargetInline(ReadOnlyInline):
    model = EvaluationTarget
    fields = ("target", "category", "mask_area_px")
    ordering = ("id",)
    select_related = ("target",)


class ContenderInline(ReadOnlyInline):
    model = Contender
    fields = ("position", "name", "generator", "model_version", "parameters", "baseline")
    ordering = ("position",)
    select_related = ("model_version",)


@admin.register(EvaluationSet)
class EvaluationSetAdmin(EngineersAct, ReadOnlyModelAdmin):
    list_display = ("name", "created_by", "created_at")
    list_select_related = ("created_by",)
    search_fields = ("name",)
    ordering = ("-created_at",)
    inlines = (TargetInline,)
    actions_list = ("freeze_set",)

    @dialog(
        title="Freeze a set",
        says="Photographs, masks and point maps stay as they are now, whatever becomes of the targets.",
        url_path="freeze",
        link="Freeze a set",
        button="Freeze",
        form=FreezeForm,
    )
    def freeze_set(self, request: HttpRequest, form: FreezeForm) -> HttpResponse:
        """Freeze."""
        words = form.cleaned_data["target_ids"].split()

        def freeze() -> EvaluationSet:
            try:
                ids = [UUID(word) for word in words] or registering.newest_verified(form.cleaned_data["newest"])
            except ValueError as error:
                raise UnusableEvaluation(f"An id is not one: {error}.", what_to_do="Copy it from a target.") from error
            return registering.freeze_set(name=form.cleaned_data["name"], target_ids=ids, actor=person_of(request))

        return done(request, freeze, said="The set {} is frozen.", back=SETS)


@admin.register(Evaluation)
class EvaluationAdmin(EngineersAct, ReadOnlyModelAdmin):
    list_display = ("name", "set", "state", "results", "coloured", "voters_per_item", "registered_by", "registered_at")
    list_filter = ("state", "coloured")
    list_select_related = ("set", "registered_by")
    search_fields = ("name",)
    ordering = ("-registered_at",)
    inlines = (ContenderInline,)
    actions_list = ("register_evaluation",)
    actions_detail = ("start_evaluation", "close_evaluation", "withdraw_evaluation")

    @admin.display(description="results")
    def results(self, evaluation: Evaluation) -> SafeString:
        return format_html('<a href="/evaluations/#{}">results</a>', evaluation.pk)

    @dialog(
        title="Register an evaluation",
        says="Its plan does not change from here on, and it stays in the list whatever comes out.",
        url_path="register",
        link="Register an evaluation",
        button="Register",
        form=RegisterForm,
    )
    def register_evaluation(self, request: HttpRequest, form: RegisterForm) -> HttpResponse:
        """Register."""
        plan = dict(form.cleaned_data)

        def register() -> Evaluation:
            return registering.register(
                name=plan["name"],
                set_name=plan["set_name"],
                contenders=contenders_from(plan["contenders"]),
                seeds=plan["seeds"] if isinstance(plan["seeds"], list) else [plan["seeds"]],
                voters_per_item=plan["voters_per_item"],
                coloured=plan["coloured"],
                actor=person_of(request),
            )

        return done(request, register, said="{} is registered; start it on its page.", back=EVALUATIONS)

    @dialog(
        title="Start the evaluation",
        says="Every contender makes its candidates now; voting begins by itself when all have answered.",
        url_path="start",
        link="Start",
    )
    def start_evaluation(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        """Start."""
        return done(
            request,
            lambda: advancing.start(evaluation_id=UUID(object_id), actor=person_of(request)),
            said="{} has started.",
            back=EVALUATIONS,
        )

    @dialog(
        title="End the voting",
        says="What was handed in counts. That it was ended by hand is published with the results.",
        url_path="close",
        link="End the voting",
    )
    def close_evaluation(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        """End."""
        return done(
            request,
            lambda: advancing.close(evaluation_id=UUID(object_id), actor=person_of(request)),
            said="{} is closed.",
            back=EVALUATIONS,
        )

    @dialog(
        title="Withdraw the evaluation",
        says="It stays in the list with your reason: not to be relied on.",
        url_path="withdraw",
        link="Withdraw",
        form=WithdrawForm,
    )
    def withdraw_evaluation(self, request: HttpRequest, form: WithdrawForm, object_id: str) -> HttpResponse:
        """Withdraw."""
        reason = form.cleaned_data["reason"]
        return done(
            request,
            lambda: advancing.withdraw(evaluation_id=UUID(object_id), reason=reason, actor=person_of(request)),
            said="{} is withdrawn.",
            back=EVALUATIONS,
        )


@admin.register(Entry)
class EntryAdmin(ReadOnlyModelAdmin):
    list_display = ("contender", "item", "status", "attempt", "face_count", "error", "created_at", "ended_at")
    list_filter = ("status",)
    list_select_related = ("contender", "item")
    search_fields = ("=id", "contender__name", "error")
    ordering = ("-created_at",)


@admin.register(Vote)
class VoteAdmin(ReadOnlyModelAdmin):
    list_display = ("voting", "sequence", "left", "right", "answer", "undoes", "duration_ms", "voted_at")
    list_filter = ("answer",)
    list_select_related = ("voting", "left", "right", "undoes")
    ordering = ("-id",)


def contenders_from(plans: Any) -> list[ContenderPlan]:
    """Contenders as JSON has them.

    Raises:
        UnusableEvaluation: they are no list of objects with these fields.
    """
    try:
        return [ContenderPlan(**plan) for plan in plans]
    except TypeError as error:
        raise UnusableEvaluation(
            f"The contenders are not understood: {error}.", what_to_do=f"Give a list such as {json.dumps(EXAMPLE)}."
        ) from error
