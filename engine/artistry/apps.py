from django.apps import AppConfig


class ArtistryConfig(AppConfig):
    name = "engine.artistry"
    label = "artistry"
    default_auto_field = "django.db.models.BigAutoField"
