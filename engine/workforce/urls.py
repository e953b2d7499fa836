"""Routes of the workforce."""

from django.urls import path

from engine.workforce.api import DraftView, HeartbeatView, KeyBindingsView, MeView, ReleaseView, SkipView

urlpatterns = [
    path("me/", MeView.as_view(), name="me"),
    path("me/keys/<slug:page>", KeyBindingsView.as_view(), name="my-keys"),
    path("work-items/<uuid:work_item_id>/heartbeat", HeartbeatView.as_view(), name="work-item-heartbeat"),
    path("work-items/<uuid:work_item_id>/release", ReleaseView.as_view(), name="work-item-release"),
    path("work-items/<uuid:work_item_id>/skip", SkipView.as_view(), name="work-item-skip"),
    path("work-items/<uuid:work_item_id>/draft", DraftView.as_view(), name="work-item-draft"),
]
