"""What comes in with a request."""

from typing import Any

from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer


def read_body(serializer: type[BaseSerializer[Any]], request: Request) -> dict[str, Any]:
    """The request's body as the serializer understands it.

    Raises:
        ValidationError: naming each field that is wrong.
    """
    body = serializer(data=request.data)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)
