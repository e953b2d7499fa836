"""A small OpenID Connect provider: it lets everybody in as the person that the test names."""

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT_ID, SECRET = "lathe", "between us"


class IdentityProvider:
    """Runs in a thread of the test. `seen` are the paths that were asked for."""

    def __init__(self, *, subject: str, email: str, name: str) -> None:
        self.claims = {"sub": subject, "email": email, "email_verified": True, "preferred_username": name}
        self.seen: list[str] = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.answer(self, {})

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                provider.answer(self, parse_qs(self.rfile.read(length).decode()))

            def log_message(self, *arguments: Any) -> None:
                """Nothing to say."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler, body: dict[str, list[str]]) -> None:
        parts = urlsplit(request.path)
        self.seen.append(parts.path)
        if parts.path == "/authorize":
            asked = parse_qs(parts.query)
            back = urlencode({"code": "once", "state": asked["state"][0]})
            request.send_response(302)
            request.send_header("Location", f"{asked['redirect_uri'][0]}?{back}")
            request.end_headers()
            return
        content = json.dumps(self._json(parts.path, request, body)).encode()
        request.send_response(200)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    def _json(self, path: str, request: BaseHTTPRequestHandler, body: dict[str, list[str]]) -> dict[str, Any]:
        if path == "/.well-known/openid-configuration":
            return {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "jwks_uri": f"{self.url}/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
            }
        if path == "/token":
            assert (body["client_id"], body["client_secret"]) == ([CLIENT_ID], [SECRET])
            return {"access_token": "opens userinfo", "token_type": "Bearer", "id_token": self._id_token()}
        assert (path, request.headers["Authorization"]) == ("/userinfo", "Bearer opens userinfo")
        return self.claims

    def _id_token(self) -> str:
        """Unsigned: it is fetched from us directly, so that its signature need not be looked at."""
        now = int(time.time())
        claims = self.claims | {"iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 60}
        parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims)] + [b"none"]
        return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
