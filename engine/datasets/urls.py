"""Routes of datasets."""

from django.urls import path

from engine.datasets.api import SnapshotsView, SnapshotView

urlpatterns = [
    path("snapshots/", SnapshotsView.as_view(), name="snapshots"),
    path("snapshots/<uuid:pk>/", SnapshotView.as_view(), name="snapshot"),
]
