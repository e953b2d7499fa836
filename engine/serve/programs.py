"""The programs that make up Lathe, with the environment that each may see."""

import os
import sys
from functools import partial
from importlib.util import find_spec

from engine.embedded import redis
from engine.embedded.places import var_folder
from engine.serve.supervisor import Program
from engine.settings import environment

ENGINE_QUEUES = ("engine", "geometry")
ASSIST_QUEUES = ("assist",)
MODEL_QUEUES = ("generate", "train", "recognise")
SEGMENT_QUEUES = ("segment",)
DEPTH_QUEUES = ("depth",)
# Model workers may stand on machines that nobody watches: they get no way to the database and no key.
WITHHELD_FROM_MODEL_WORKERS = ("DATABASE_URL", "LATHE_SECRET_KEY", "LATHE_OIDC_SECRET", "DJANGO_SETTINGS_MODULE")


def web(*, host: str, port: int) -> Program:
    """gunicorn on one address."""
    return Program(
        name="web",
        command=[sys.executable, "-m", "gunicorn", "--config", "python:engine.gunicorn", "engine.wsgi"],
        environment={**os.environ, "LATHE_PROCESS": "web", "LATHE_BIND": f"{host}:{port}"},
        listens_to=f"http://{host}:{port}",
    )


def engine_worker() -> Program:
    """The engine's Celery worker, with the timetable (beat) inside."""
    return Program(
        name="engine worker",
        command=[
            *(sys.executable, "-m", "celery", "--app=engine.celery", "--quiet", "worker"),
            *(f"--queues={','.join(ENGINE_QUEUES)}", "--concurrency=2", "--hostname=engine@%h"),
            *("--beat", f"--schedule={var_folder() / 'run' / 'beat'}", "--without-gossip", "--without-mingle"),
        ],
        environment={**os.environ, "LATHE_PROCESS": "engine-worker"},
        listens_to=f"queues {', '.join(ENGINE_QUEUES)}",
        before_start=partial(_hand_back_unfinished, ENGINE_QUEUES),
    )


def assist_worker() -> Program:
    """Answers people who wait for it, whatever the other workers are busy with."""
    return Program(
        name="assist worker",
        command=[
            *(sys.executable, "-m", "celery", "--app=engine.celery", "--quiet", "worker"),
            *(f"--queues={','.join(ASSIST_QUEUES)}", "--pool=solo", "--hostname=assist@%h"),
            *("--without-gossip", "--without-mingle"),
        ],
        environment={**os.environ, "LATHE_PROCESS": "assist-worker"},
        listens_to=f"queues {', '.join(ASSIST_QUEUES)}",
    )


def model_workers() -> list[Program]:
    """The model workers' Celery app: one for long work, one for people who wait. None where they run elsewhere."""
    if find_spec("model_workers.celery") is None:
        return []
    workers = [
        _model_worker(name="model worker", queues=MODEL_QUEUES, options=("--concurrency=1", "--hostname=models@%h")),
        _model_worker(name="segment worker", queues=SEGMENT_QUEUES, options=("--pool=solo", "--hostname=segment@%h")),
    ]
    if environment.estimates_point_maps():
        depth = _model_worker(name="depth worker", queues=DEPTH_QUEUES, options=("--pool=solo", "--hostname=depth@%h"))
        workers.append(depth)
    return workers


def _model_worker(*, name: str, queues: tuple[str, ...], options: tuple[str, ...]) -> Program:
    kept = {name: value for name, value in os.environ.items() if not _withheld(name)}
    return Program(
        name=name,
        command=[
            *(sys.executable, "-m", "celery", "--app=model_workers.celery", "--quiet", "worker"),
            *(f"--queues={','.join(queues)}", *options, "--without-gossip", "--without-mingle"),
        ],
        environment={
            **kept,
            "LATHE_PROCESS": name.replace(" ", "-"),
            # Beside web and engine on the same cores, threads that spin while they wait cost several times the work.
            "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE"),
            "CELERY_BROKER_URL": environment.broker_url(),
            "LATHE_STORAGE_URL": environment.storage_url(),
        },
        listens_to=f"queues {', '.join(queues)}",
        before_start=partial(_hand_back_unfinished, queues),
    )


def _withheld(name: str) -> bool:
    return name in WITHHELD_FROM_MODEL_WORKERS or name.startswith("PG")


def _hand_back_unfinished(queues: tuple[str, ...]) -> None:
    """What a killed worker held goes back to its queue now instead of hours later. This machine's broker only."""
    if not os.environ.get("CELERY_BROKER_URL"):
        redis.ensure_running()
        redis.hand_back_unacknowledged(queues)
