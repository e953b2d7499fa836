"""Presigned S3 URLs that stay the same for a while.

boto3 signs with the present second, so the same object gets another URL each time and a browser never finds it in its
cache. Here the moment of signing is the start of the present window: all processes give the same URL until it ends, and
it is good for one window at least and for two at most, like the tokens of the local store.
"""

from datetime import UTC, datetime
from time import time
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from botocore.auth import SIGV4_TIMESTAMP, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest

LONGEST_EXPIRES_SECONDS = 7 * 24 * 3600  # what S3 accepts


def presigned(client: Any, credentials: Any, *, parameters: dict[str, str], expires_seconds: int) -> str:
    """A URL for `get_object` with these parameters, good for `expires_seconds` to twice as long."""
    window = max(1, min(expires_seconds, LONGEST_EXPIRES_SECONDS // 2))
    # boto3 knows address, region and the order of things; only its clock is replaced.
    signed_now = client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=window)
    (scope,) = parse_qs(urlsplit(signed_now).query)["X-Amz-Credential"]
    _, _, region, service, _ = scope.rsplit("/", 4)
    request = AWSRequest(method="GET", url=signed_now.split("X-Amz-Algorithm=", 1)[0].rstrip("?&"))
    window_start = datetime.fromtimestamp(int(time()) // window * window, UTC)
    _SignedAt(credentials, service, region, expires=2 * window, at=window_start).add_auth(request)
    return cast(str, request.url)


class _SignedAt(S3SigV4QueryAuth):
    """Signs as of a given moment."""

    def __init__(self, credentials: Any, service: str, region: str, *, expires: int, at: datetime) -> None:
        super().__init__(credentials, service, region, expires=expires)
        self._at = at

    def add_auth(self, request: AWSRequest) -> None:
        """Put the signature into the request's URL."""
        request.context["timestamp"] = self._at.strftime(SIGV4_TIMESTAMP)
        self._modify_request_before_signing(request)  # type: ignore[attr-defined]
        signed = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(signed, request))  # type: ignore[attr-defined]
