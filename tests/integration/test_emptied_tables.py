"""What one test has committed, the next does not see."""

import uuid

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, connection, transaction

from engine.workforce.models import AuditEvent, Role
from tests.emptied_tables import MADE_OF_THE_MODELS, empty_tables
from tests.factories import make_alignment, make_candidate, make_user


@pytest.mark.django_db(transaction=True)
def test_nothing_is_left_but_what_is_made_of_the_models() -> None:
    make_alignment(candidate=make_candidate())
    AuditEvent.objects.create(actor=make_user(Role.ARTIST), subject_kind="work item", subject_id=uuid.uuid4(), verb="x")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        AuditEvent.objects.all().delete()

    empty_tables()

    with connection.cursor() as cursor:
        for table in set(connection.introspection.table_names(cursor)) - set(MADE_OF_THE_MODELS):
            cursor.execute(f'SELECT count(*) FROM "{table}"')
            assert cursor.fetchone() == (0,), table
    assert Permission.objects.exists()
    event = AuditEvent.objects.create(subject_kind="work item", subject_id=uuid.uuid4(), verb="x")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        event.delete()
