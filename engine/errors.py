"""Expected failures of services. Each says what is wrong and what to do; `engine.api_errors` turns them into responses.

Rooms define their own subclasses next to the code that raises them.
"""

from typing import Any, ClassVar


class LatheError(Exception):
    """A failure that a caller can understand and act upon.

    Attributes:
        status_code: the HTTP status it becomes at the edge.
        code: short stable identifier for programs, such as `lease_superseded`.
        message: what is wrong, one sentence.
        what_to_do: how to go on, one sentence; empty where nothing can be done.
        facts: JSON-ready values that help (ids, limits, the state found).
    """

    status_code: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"

    def __init__(self, message: str, *, what_to_do: str = "", **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.what_to_do = what_to_do
        self.facts: dict[str, Any] = facts

    def __str__(self) -> str:
        return f"{self.message} {self.what_to_do}".strip()


class Forbidden(LatheError):
    """The caller is known but may not do this."""

    status_code = 403
    code = "forbidden"


class NotFound(LatheError):
    """There is no such thing, or none that the caller may see."""

    status_code = 404
    code = "not_found"


class Conflict(LatheError):
    """The thing has moved on since the caller looked at it."""

    status_code = 409
    code = "conflict"


class Unprocessable(LatheError):
    """Well-formed, but its content cannot be accepted."""

    status_code = 422
    code = "unprocessable"


class Unavailable(LatheError):
    """Something that helps is away for the moment; what was sent is not lost."""

    status_code = 503
    code = "unavailable"
