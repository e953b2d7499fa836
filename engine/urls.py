"""The URL map: the API of each room under `/api/v1/`, the admin, accounts, and the pages of the annotation UI."""

from importlib.util import find_spec

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from engine.tokens import ObtainToken


def healthz(request: HttpRequest) -> HttpResponse:
    """For load balancers: the process answers. It asks nobody else, so a slow database never kills web processes."""
    return HttpResponse("ok\n", content_type="text/plain")


urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/v1/auth/token/", ObtainToken.as_view(), name="auth-token"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="api-docs"),
    *(path("api/v1/", include(f"engine.{room}.urls")) for room in settings.ROOMS if find_spec(f"engine.{room}.urls")),
    *([path("", include("annotation_ui.urls"))] if find_spec("annotation_ui.urls") else []),
]
