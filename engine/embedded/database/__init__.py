"""Django database backend: PostgreSQL that starts the embedded server when nobody answers."""
