from django.urls import path

from engine.sourcing import api, curriculum_api

urlpatterns = [
    path("images/", api.ImagesView.as_view(), name="images"),
    path("images/<uuid:image>/override", api.OverrideRefusalView.as_view(), name="image-override"),
    path("curriculum/", curriculum_api.CurriculumView.as_view(), name="curriculum"),
    path("curriculum/plan", curriculum_api.PlanCurriculumView.as_view(), name="curriculum-plan"),
    path("curriculum/settings", curriculum_api.CurriculumSettingsView.as_view(), name="curriculum-settings"),
    path("targets/", api.TargetsView.as_view(), name="targets"),
    path("masks/claim", api.ClaimMaskView.as_view(), name="mask-claim"),
    path("masks/<uuid:work_item>", api.MaskTaskView.as_view(), name="mask"),
    path("masks/<uuid:work_item>/judged", api.JudgedMaskView.as_view(), name="mask-judged"),
    path("masks/<uuid:work_item>/submit", api.SubmitMaskView.as_view(), name="mask-submit"),
    path("masks/<uuid:work_item>/assist", api.AssistMaskView.as_view(), name="mask-assist"),
    path("masks/<uuid:work_item>/further", api.FurtherObjectView.as_view(), name="mask-further"),
]
