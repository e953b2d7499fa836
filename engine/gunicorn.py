"""gunicorn's configuration: `gunicorn --config python:engine.gunicorn engine.wsgi`."""

import os

from engine import logs

bind = os.environ.get("LATHE_BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = int(os.environ.get("LATHE_WEB_WORKERS", "2"))
threads = int(os.environ.get("LATHE_WEB_THREADS", "8"))
timeout = 60
graceful_timeout = 10
control_socket_disable = True
# One process imports for all: a third less work to start two, and they share its memory. New code wants a restart.
preload_app = True
logconfig_dict = logs.logging_config()
