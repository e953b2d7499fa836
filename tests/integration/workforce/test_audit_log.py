"""The audit log only grows."""

from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from engine.workforce import services
from engine.workforce.models import AuditEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def event() -> AuditEvent:
    return services.audit(actor=None, subject_kind="target", subject_id=uuid4(), verb="verify", reason="clear")


def test_an_event_carries_its_facts(event: AuditEvent) -> None:
    event.refresh_from_db()
    assert (event.actor, event.verb, event.facts) == (None, "verify", {"reason": "clear"})


@pytest.mark.parametrize(
    "statement", ["UPDATE workforce_auditevent SET verb = 'forged'", "DELETE FROM workforce_auditevent"]
)
def test_the_database_itself_refuses_to_change_it(event: AuditEvent, statement: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    event.refresh_from_db()
    assert event.verb == "verify"


def test_the_orm_cannot_change_it_either(event: AuditEvent) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        event.delete()
    event.verb = "forged"
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        event.save()
