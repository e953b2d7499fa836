"""What ML engineers do from the admin: start, resume, end collecting, promote. Each dialog calls one service."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.text import capfirst
from unfold.decorators import action
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextareaWidget, UnfoldBooleanWidget

from engine.errors import LatheError
from engine.flywheel import services
from engine.flywheel.models import Iteration
from engine.workforce.models import Role
from engine.workforce.permissions import has_role, person_of


class StartForm(BaseDialogForm):  # type: ignore[misc]
    """α_k and what differs from the defaults."""

    alpha = forms.FloatField(
        label="Bar α",
        initial=0.5,
        min_value=0,
        max_value=1,
        help_text="Shapes rated below it are searched for again and do not become examples.",
        widget=UnfoldAdminDecimalFieldWidget,
    )
    settings = forms.JSONField(
        label="Settings",
        required=False,
        initial=dict,
        help_text='What differs from the defaults, as JSON: {"target_limit": 100}. See docs/data_format.md.',
        widget=UnfoldAdminTextareaWidget,
    )


class ResumeForm(BaseDialogForm):  # type: ignore[misc]
    """How to go on after a failure."""

    settings = forms.JSONField(
        label="Changed settings",
        required=False,
        initial=dict,
        help_text='As JSON: {"sft": {"recipe": "mini_sft", "overrides": {"optimiser.learning_rate": 1e-5}}}.',
        widget=UnfoldAdminTextareaWidget,
    )
    skip = forms.BooleanField(label="Leave the failed step out", required=False, widget=UnfoldBooleanWidget)


def dialog(
    *, title: str, says: str, url_path: str, link: str, button: str = "", form: type[BaseDialogForm] = BaseDialogForm
) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """A button on an admin page that opens a dialog; the method gets the form once it is sent."""
    shown = {"title": title, "description": says, "form_class": form, "form_submit_text": button or link}
    return action(description=link, url_path=url_path, permissions=["flywheel"], dialog=shown)  # type: ignore[no-any-return]


class EngineersAct:
    def has_flywheel_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """ML engineers and admins turn the flywheel; other staff look on."""
        return has_role(person_of(request), Role.ML_ENGINEER, Role.ADMIN)


class IterationActions(EngineersAct):
    """Dialogs on the pages of iterations."""

    actions_list = ("start_iteration",)
    actions_detail = ("resume_iteration", "stop_collecting")

    @dialog(
        title="Start the next iteration",
        says="Targets are asked for at once with the promoted checkpoint; the rest runs by itself.",
        url_path="start",
        link="Start the next iteration",
        button="Start",
        form=StartForm,
    )
    def start_iteration(self, request: HttpRequest, form: StartForm) -> HttpResponse:
        """Start."""
        alpha, settings = form.cleaned_data["alpha"], form.cleaned_data["settings"] or {}
        return done(
            request,
            lambda: services.start(alpha=alpha, settings=settings, actor=person_of(request)),
            said="{} has started.",
        )

    @dialog(
        title="Resume the iteration",
        says="It goes on at the step where it stopped, with a new run.",
        url_path="resume",
        link="Resume",
        form=ResumeForm,
    )
    def resume_iteration(self, request: HttpRequest, form: ResumeForm, object_id: str) -> HttpResponse:
        """Resume."""
        settings, skip = form.cleaned_data["settings"] or None, form.cleaned_data["skip"]
        return done(
            request,
            lambda: services.resume(number=_number(object_id), actor=person_of(request), settings=settings, skip=skip),
            said="{} goes on.",
        )

    @dialog(
        title="End collecting now",
        says="Training starts with what was judged so far; what is under way counts next time.",
        url_path="stop-collecting",
        link="End collecting",
    )
    def stop_collecting(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        """End the collection step."""
        return done(
            request,
            lambda: services.stop_collecting(number=_number(object_id), actor=person_of(request)),
            said="{} goes on with what was collected.",
        )


class ModelVersionActions(EngineersAct):
    """Dialogs on the pages of model versions."""

    actions_detail = ("promote",)

    @dialog(
        title="Promote this checkpoint",
        says="The next collection samples from it. The present one stays in the list.",
        url_path="promote",
        link="Promote",
    )
    def promote(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        """Promote by hand."""
        return done(
            request,
            lambda: services.promote(model_version_id=UUID(object_id), actor=person_of(request)),
            said="{} is promoted.",
            back="admin:flywheel_modelversion_changelist",
        )


def _number(object_id: str) -> int:
    return int(Iteration.objects.values_list("number", flat=True).get(pk=object_id))


def done(
    request: HttpRequest,
    service: Callable[[], Any],
    *,
    said: str,
    back: str = "admin:flywheel_iteration_changelist",
) -> HttpResponse:
    """Call the service and go back to the list; a refusal is shown there with what to do."""
    try:
        messages.success(request, capfirst(said.format(service())))
    except LatheError as refusal:
        messages.error(request, str(refusal))
    return HttpResponse(headers={"HX-Redirect": reverse(back)})  # the dialog is sent by htmx, which swallows a 302
