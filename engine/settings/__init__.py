"""Settings. `engine.settings` is for a laptop, `.production` for servers behind HTTPS, `.test` for the tests."""

from engine.settings.base import *  # noqa: F403
