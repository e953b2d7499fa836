import pytest
from django.db import connection


@pytest.mark.django_db
def test_a_test_database_on_a_real_postgresql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        assert int(cursor.fetchone()[0]) >= 150000
