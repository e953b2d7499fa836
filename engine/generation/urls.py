from django.urls import path

from engine.generation import api

urlpatterns = [
    path("generation/requests/", api.RequestsView.as_view(), name="generation-requests"),
]
