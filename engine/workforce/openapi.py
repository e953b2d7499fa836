"""What the OpenAPI schema says about every view without the view saying it."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from engine.workforce.idempotency import HEADER, LONGEST_KEY, WRITES, IdempotentWrites


class Schema(AutoSchema):
    """Adds the header of idempotent writes."""

    def get_override_parameters(self) -> list[Any]:
        parameters = list(super().get_override_parameters())
        if self.method in WRITES and isinstance(self.view, IdempotentWrites):
            parameters.append(
                OpenApiParameter(
                    HEADER,
                    {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
                    OpenApiParameter.HEADER,
                    required=True,
                    description="New for each intention, the same when it is sent again: it then happens once.",
                )
            )
        return parameters
