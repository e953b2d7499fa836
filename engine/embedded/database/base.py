"""Django's PostgreSQL backend, with the embedded server started on demand."""

from typing import Any

from django.db.backends.postgresql import base
from psycopg import OperationalError

from engine.embedded import postgres


class DatabaseWrapper(base.DatabaseWrapper):
    """Connects as always; where nobody listens, starts the embedded server and connects again."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        try:
            return super().get_new_connection(conn_params)
        except OperationalError:
            if postgres.answers():
                raise  # the server is there and refuses this: an unknown database, too many clients
            postgres.ensure_running()
            return super().get_new_connection(conn_params)
