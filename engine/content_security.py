"""The Content-Security-Policy header: pages run only what this server ships.

The annotation UI compiles WebAssembly (mesh decoders), starts workers from blobs and styles elements in place, and
needs no inline script. The admin and the API's own documentation do, so they get a policy of their own.
"""

from collections.abc import Callable, Sequence

from django.conf import settings
from django.http import HttpRequest, HttpResponse

SIGN_IN_PAGES = "/accounts/"
PAGES_WITH_INLINE_SCRIPTS = ("/admin/", "/api/docs/")


def policy(*, inline_scripts: bool, object_store_origins: list[str], form_targets: Sequence[str] = ()) -> str:
    """The header's value.

    Args:
        object_store_origins: where signed URLs of images and meshes point to, if elsewhere.
        form_targets: where forms may lead besides this server, redirects included.
    """
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
        "form-action": " ".join(["'self'", *form_targets]),
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}".strip() for name, value in directives.items())


class ContentSecurityMiddleware:
    """Sets the policy on every response that has none yet; Vite's development server works without."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        origins: list[str] = settings.LATHE_OBJECT_STORE_ORIGINS
        self._strict = policy(inline_scripts=False, object_store_origins=origins)
        self._sign_in = policy(
            inline_scripts=False, object_store_origins=origins, form_targets=settings.LATHE_SIGN_IN_ORIGINS
        )
        self._with_inline_scripts = policy(inline_scripts=True, object_store_origins=origins)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        if not settings.DJANGO_VITE["default"]["dev_mode"]:
            response.headers.setdefault("Content-Security-Policy", self._policy_of(request.path))
        return response

    def _policy_of(self, path: str) -> str:
        if path.startswith(PAGES_WITH_INLINE_SCRIPTS):
            return self._with_inline_scripts
        return self._sign_in if path.startswith(SIGN_IN_PAGES) else self._strict
