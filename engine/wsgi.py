"""WSGI entry point, for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "engine.settings")
application = get_wsgi_application()
# Views are imported now, instead of in the first request of every process.
_ = get_resolver().url_patterns
