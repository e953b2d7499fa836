"""People, their work and their leases."""

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A person who signs in: annotator, reviewer, artist, ML engineer or administrator."""
