"""`python -m engine.embedded.stop`: end a running serve, then the embedded PostgreSQL and Redis. `make stop`."""

import os
import signal
import time

import psutil

from engine.embedded import postgres, redis
from engine.embedded.places import var_folder

PATIENCE_SECONDS = 30


def main() -> None:
    print("serve:     ", "stopped" if stop_serve() else "was not running")
    print("PostgreSQL:", "stopped" if postgres.stop() else "was not running")
    print("Redis:     ", "stopped" if redis.stop() else "was not running")


def stop_serve() -> bool:
    """Ask a running `python -m engine.serve` of this `var/` to end, and wait; True where one was running."""
    try:
        process = psutil.Process(int((var_folder() / "run" / "serve.pid").read_text()))
        if "engine.serve" not in process.cmdline():
            return False
        os.kill(process.pid, signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return False
    except psutil.TimeoutExpired:
        process.kill()
        time.sleep(0.1)
    return True


if __name__ == "__main__":
    main()
