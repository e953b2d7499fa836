from django.apps import AppConfig


class EngineConfig(AppConfig):
    """What belongs to no single room: its Celery app, and commands that span rooms."""

    name = "engine"
    label = "engine"

    def ready(self) -> None:
        # Makes it the current app of this process: without it `shared_task`s would be sent to nowhere.
        from engine import celery  # noqa: F401
