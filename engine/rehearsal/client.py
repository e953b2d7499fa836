"""The public HTTP API as a person's program sees it: token, idempotency keys, patience while the server is away."""

import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx

RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0)


class ApiProblem(RuntimeError):
    """The server answered with a problem; `status` and `body` carry it."""

    def __init__(self, *, method: str, path: str, status: int, body: Any) -> None:
        super().__init__(f"{method} {path} answered {status}: {body}")
        self.status = status
        self.body = body


class ServerAway(RuntimeError):
    """The server did not answer for longer than a person would wait."""


class ApiClient:
    """One signed-in person. Every write carries an Idempotency-Key, so a repeated one has one effect."""

    def __init__(self, *, base_url: str, username: str, password: str) -> None:
        self.username = username
        self._http = httpx.Client(base_url=f"{base_url.rstrip('/')}/api/v1", timeout=60.0, follow_redirects=True)
        self.latencies_ms: dict[str, list[float]] = {}
        answer = self._send(
            "auth/token", lambda: self._http.post("/auth/token/", json={"username": username, "password": password})
        )
        self._http.headers["Authorization"] = f"Token {answer.json()['token']}"

    def close(self) -> None:
        """Let the connection go."""
        self._http.close()

    def get(self, path: str, *, label: str | None = None) -> Any:
        """GET JSON; None where there is nothing (204)."""
        return _body(self._send(label or path, lambda: self._http.get(path)))

    def get_bytes(self, url: str) -> bytes:
        """GET a file: an absolute URL, or one on this server. Signed URLs of a foreign store get no token."""
        target = httpx.URL(url)
        if target.is_absolute_url and target.host != self._http.base_url.host:
            return self._send("file", lambda: httpx.get(url, timeout=60.0)).content
        return self._send("file", lambda: self._http.get(self._http.base_url.join(url))).content

    def post(self, path: str, body: dict[str, Any] | None = None, *, label: str) -> Any:
        """POST JSON under one idempotency key, however often it has to be sent."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return _body(self._send(label, lambda: self._http.post(path, json=body or {}, headers=headers)))

    def put(self, path: str, body: dict[str, Any], *, label: str) -> Any:
        """PUT JSON under one idempotency key, however often it has to be sent."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return _body(self._send(label, lambda: self._http.put(path, json=body, headers=headers)))

    def upload(self, path: str, *, filename: str, data: bytes, media_type: str, label: str) -> Any:
        """POST one file as multipart."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        files = {"file": (filename, data, media_type)}
        return _body(self._send(label, lambda: self._http.post(path, files=files, headers=headers)))

    def _send(self, label: str, call: Callable[[], httpx.Response]) -> httpx.Response:
        for wait_seconds in (*RETRY_SECONDS, None):
            started = time.monotonic()
            try:
                answer = call()
            except httpx.TransportError as error:
                problem: str = repr(error)
            else:
                if answer.status_code not in (502, 503, 504):
                    self.latencies_ms.setdefault(label, []).append((time.monotonic() - started) * 1000)
                    if answer.is_error:
                        raise ApiProblem(
                            method=answer.request.method,
                            path=answer.request.url.path,
                            status=answer.status_code,
                            body=answer.text[:500],
                        )
                    return answer
                problem = f"status {answer.status_code}"
            if wait_seconds is None:
                break
            time.sleep(wait_seconds)
        raise ServerAway(f"{label}: no answer after {sum(RETRY_SECONDS):.0f} s ({problem}); is `make serve` running?")


def _body(answer: httpx.Response) -> Any:
    return None if answer.status_code == 204 or not answer.content else answer.json()
