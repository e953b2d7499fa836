"""Routes of the workforce."""

from django.urls import path

from engine.workforce import review_api
from engine.workforce.api import DraftView, HeartbeatView, KeyBindingsView, MeView, ReleaseView, SkipView

urlpatterns = [
    path("me/", MeView.as_view(), name="me"),
    path("me/keys/<slug:page>", KeyBindingsView.as_view(), name="my-keys"),
    path("work-items/<uuid:work_item_id>/heartbeat", HeartbeatView.as_view(), name="work-item-heartbeat"),
    path("work-items/<uuid:work_item_id>/release", ReleaseView.as_view(), name="work-item-release"),
    path("work-items/<uuid:work_item_id>/skip", SkipView.as_view(), name="work-item-skip"),
    path("work-items/<uuid:work_item_id>/draft", DraftView.as_view(), name="work-item-draft"),
    path("reviews/", review_api.ReviewQueueView.as_view(), name="reviews"),
    path("reviews/<uuid:work_item>", review_api.ReviewView.as_view(), name="review"),
    path("reviews/<uuid:work_item>/accept", review_api.AcceptView.as_view(), name="review-accept"),
    path("reviews/<uuid:work_item>/return", review_api.ReturnView.as_view(), name="review-return"),
    path("reviews/<uuid:work_item>/requeue", review_api.RequeueView.as_view(), name="review-requeue"),
    path("reviews/<uuid:work_item>/gold", review_api.GoldView.as_view(), name="review-gold"),
    path("reviews/<uuid:work_item>/second-opinion", review_api.AskSomebodyElseView.as_view(), name="review-ask"),
    path("agreement/", review_api.AgreementView.as_view(), name="agreement"),
    path("stage-shares/", review_api.StageSharesListView.as_view(), name="stage-shares"),
    path("stage-shares/<slug:stage>", review_api.StageSharesView.as_view(), name="stage-shares-of"),
]
