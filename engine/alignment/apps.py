from django.apps import AppConfig


class AlignmentConfig(AppConfig):
    name = "engine.alignment"
    label = "alignment"
    default_auto_field = "django.db.models.BigAutoField"
