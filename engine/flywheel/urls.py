"""Routes of the flywheel."""

from django.urls import path

from engine.flywheel import api

urlpatterns = [
    path("flywheel/status/", api.StatusView.as_view(), name="flywheel-status"),
    path("flywheel/iterations/", api.IterationsView.as_view(), name="iterations"),
    path("flywheel/iterations/<int:number>/", api.IterationView.as_view(), name="iteration"),
    path("flywheel/iterations/<int:number>/resume", api.ResumeView.as_view(), name="iteration-resume"),
    path(
        "flywheel/iterations/<int:number>/stop-collecting",
        api.StopCollectingView.as_view(),
        name="iteration-stop-collecting",
    ),
    path("model-versions/", api.ModelVersionsView.as_view(), name="model-versions"),
    path("model-versions/<uuid:version_id>/promote", api.PromoteView.as_view(), name="model-version-promote"),
]
