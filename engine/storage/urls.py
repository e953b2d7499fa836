"""Routes of storage."""

from django.urls import path

from engine.storage.api import BlobView

urlpatterns = [path("blobs/<str:token>", BlobView.as_view(), name="blob")]
