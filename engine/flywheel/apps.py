from django.apps import AppConfig


class FlywheelConfig(AppConfig):
    name = "engine.flywheel"
    label = "flywheel"
    default_auto_field = "django.db.models.BigAutoField"
