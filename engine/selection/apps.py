from django.apps import AppConfig


class SelectionConfig(AppConfig):
    name = "engine.selection"
    label = "selection"
    default_auto_field = "django.db.models.BigAutoField"
