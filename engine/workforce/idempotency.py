"""Writes that may be sent twice and happen once.

Every view that writes takes the mixin first; its handlers stay as they are:

    class MaskSubmitView(IdempotentWrites, APIView):
        def post(self, request: Request, work_item: UUID) -> Response: ...

POST, PUT, PATCH and DELETE then need the header `Idempotency-Key` (any text up to 200 characters, new for each
intention, the same for each repetition of it; 400 without). The handler runs inside one transaction together with the
row that keeps its answer, so the two are never apart:

- same key, same method, path and body: the kept answer again, with the header `Idempotency-Replayed: true`; a second
  request that arrives while the first still runs waits for it;
- same key, anything else: 422;
- expected refusals (409, 422) undo what the handler wrote and are kept as answers as well; other errors are not kept,
  so the corrected request may use its key again;
- a write that the database stops because of a deadlock is undone and tried again, without the caller noticing.

What is slow and may happen twice, such as sending a file to the object store, belongs before the transaction: a view
does it in `prepare`, and its handler finds the result in `self.prepared`. A repetition with a kept answer skips it.

Keys belong to the person. They are forgotten after seven days.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

from django.core.files.uploadedfile import UploadedFile
from django.db import OperationalError, connection, transaction
from django.http import QueryDict
from django.utils import timezone
from psycopg.errors import DeadlockDetected
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from engine.errors import LatheError, Unprocessable
from engine.workforce.models import IdempotentRequest
from engine.workforce.permissions import person_of

HEADER = "Idempotency-Key"
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
KEPT_REFUSALS = frozenset({409, 422})
LONGEST_KEY = 200
MOST_DEADLOCKS = 3
KEEP_FOR = timedelta(days=7)

# Waits while another request of the same key has not ended; returns nothing where that one's answer stands.
RESERVE = """
INSERT INTO workforce_idempotentrequest (user_id, key, request_sha256, response_status, response_body, created_at)
VALUES (%s, %s, %s, 0, '', now())
ON CONFLICT (user_id, key) DO NOTHING
RETURNING id
"""


class IdempotencyKeyMissing(LatheError):
    """A write came without a usable key."""

    code = "idempotency_key_missing"


class IdempotencyKeyReused(Unprocessable):
    """The key was used for another request."""

    code = "idempotency_key_reused"


class IdempotentWrites:
    """Mixin for API views: see the module's text."""

    prepare: Callable[..., Any] | None = None
    prepared: Any = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """After sign-in and permissions were checked, put the handler of this request behind its key."""
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        name = str(request.method).lower()
        handler = getattr(self, name, None)
        if request.method in WRITES and handler is not None:
            # The view looks its handler up right after this, and finds what lies on the instance first.
            setattr(self, name, partial(self._answer_once, handler))

    def _answer_once(self, handler: Callable[..., Response], request: Request, *args: Any, **kwargs: Any) -> Response:
        key, digest = _key(request), _request_sha256(request)
        handle = partial(handler, request, *args, **kwargs)
        prepare = None if self.prepare is None else partial(self.prepare, request, *args, **kwargs)
        for _ in range(MOST_DEADLOCKS):
            try:
                return self._answer(handle, prepare, request, key, digest)
            except OperationalError as error:
                if not isinstance(error.__cause__, DeadlockDetected):
                    raise
                _rewind(request)  # two writes met; this one was undone whole, so it may be tried again
        return self._answer(handle, prepare, request, key, digest)

    def _answer(
        self,
        handler: Callable[[], Response],
        prepare: Callable[[], Any] | None,
        request: Request,
        key: str,
        digest: str,
    ) -> Response:
        try:
            if prepare is not None:
                if replay := _kept_answer(request, key, digest):
                    return replay
                self.prepared = prepare()
            with transaction.atomic():
                if replay := _reserve(request, key, digest):
                    return replay
                response = handler()
                if response.status_code >= 400:
                    transaction.set_rollback(True)
                else:
                    _keep(request, key, response)
                return response
        except IdempotencyKeyReused:
            raise
        except LatheError as refusal:
            if refusal.status_code not in KEPT_REFUSALS:
                raise
            response = cast(Response, self.handle_exception(refusal))  # type: ignore[attr-defined]
            with transaction.atomic():  # what the handler wrote is undone by now; keep the answer alone
                if replay := _reserve(request, key, digest):
                    return replay
                _keep(request, key, response)
            return response


def forget_old_requests(*, now: datetime | None = None) -> int:
    """Remove answers older than seven days; returns how many."""
    count, _ = IdempotentRequest.objects.filter(created_at__lt=(now or timezone.now()) - KEEP_FOR).delete()
    return count


def _key(request: Request) -> str:
    key = str(request.headers.get(HEADER, "")).strip()
    if not key or len(key) > LONGEST_KEY or not key.isprintable():
        raise IdempotencyKeyMissing(
            f"This write needs the header {HEADER}: printable text of 1 to {LONGEST_KEY} characters.",
            what_to_do="Send a new UUID for each new intention, and the same one again when you repeat it.",
        )
    return key


def _reserve(request: Request, key: str, digest: str) -> Response | None:
    """Take the key for this request, or return the answer that was given under it.

    Raises:
        IdempotencyKeyReused: it was given to another request.
    """
    with connection.cursor() as cursor:
        cursor.execute(RESERVE, [person_of(request).pk, key, digest])
        if cursor.fetchone() is not None:
            return None
    return _kept_answer(request, key, digest)


def _kept_answer(request: Request, key: str, digest: str) -> Response | None:
    """The answer that was given under this key, if any was.

    Raises:
        IdempotencyKeyReused: it was given to another request.
    """
    kept = IdempotentRequest.objects.filter(user=person_of(request), key=key).first()
    if kept is None:
        return None
    if kept.request_sha256 != digest:
        raise IdempotencyKeyReused(
            f"This {HEADER} was used for another request.", what_to_do="Send a new key with every new request."
        )
    body = json.loads(kept.response_body) if kept.response_body else None
    return Response(body, status=kept.response_status, headers={"Idempotency-Replayed": "true"})


def _keep(request: Request, key: str, response: Response) -> None:
    body = "" if response.data is None else JSONRenderer().render(response.data).decode()
    IdempotentRequest.objects.filter(user=person_of(request), key=key).update(
        response_status=response.status_code, response_body=body
    )


def _request_sha256(request: Request) -> str:
    """Digest of what is asked: method, path, query and content (not its bytes: field order does not matter)."""
    digest = hashlib.sha256(json.dumps([request.method, request.get_full_path()]).encode())
    data = request.data
    if isinstance(data, QueryDict):
        for name, values in sorted(data.lists()):
            for value in values:
                digest.update(json.dumps([name, _content_of(value)]).encode())
    else:
        digest.update(json.dumps(data, sort_keys=True).encode())
    return digest.hexdigest()


def _rewind(request: Request) -> None:
    for file in request.FILES.values():
        file.seek(0)


def _content_of(value: Any) -> str | list[str]:
    if not isinstance(value, UploadedFile):
        return str(value)
    content = hashlib.sha256()
    for chunk in value.chunks():
        content.update(chunk)
    value.seek(0)
    return [str(value.name), str(value.content_type), content.hexdigest()]


class WritesNothing:
    """Marks API views whose POST only asks, with a body too long for a URL: it needs no key, it can be sent again."""
