"""The Content-Security-Policy header: pages run only what this server ships.

The annotation UI compiles WebAssembly (mesh decoders), starts workers from blobs and styles elements in place, and
needs no inline script. The admin and the API's own documentation do, so they get a policy of their own.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

PAGES_WITH_INLINE_SCRIPTS = ("/admin/", "/api/docs/")


def policy(*, inline_scripts: bool, object_store_origins: list[str]) -> str:
    """The header's value. `object_store_origins` are where signed URLs of images and meshes point to, if elsewhere."""
    stored = " ".join(object_store_origins)
    scripts = "'unsafe-inline' 'unsafe-eval'" if inline_scripts else "'wasm-unsafe-eval'"
    directives = {
        "default-src": "'self'",
        "script-src": f"'self' {scripts}",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": f"'self' data: blob: {stored}",
        "font-src": "'self' data:",
        "connect-src": f"'self' data: blob: {stored}",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}".strip() for name, value in directives.items())


class ContentSecurityMiddleware:
    """Sets the policy on every response that has none yet; Vite's development server works without."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        origins: list[str] = settings.LATHE_OBJECT_STORE_ORIGINS
        self._strict = policy(inline_scripts=False, object_store_origins=origins)
        self._with_inline_scripts = policy(inline_scripts=True, object_store_origins=origins)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        if not settings.DJANGO_VITE["default"]["dev_mode"]:
            inline = request.path.startswith(PAGES_WITH_INLINE_SCRIPTS)
            response.headers.setdefault(
                "Content-Security-Policy", self._with_inline_scripts if inline else self._strict
            )
        return response
