import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.embedded import postgres, redis
from engine.embedded.places import CHECKOUT


@pytest.fixture(scope="module")
def var_folder() -> Iterator[Path]:
    """A `var/` of this module's own, in a folder closed to all others, as `mktemp -d` makes them."""
    folder = Path(tempfile.mkdtemp(prefix="lathe-test-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATHE_VAR", str(folder / "var"))
        yield folder / "var"
        postgres.stop()
        redis.stop()
    shutil.rmtree(folder)


def start_and_die(service: str) -> None:
    """Start a service in another process, which then dies by kill -9."""
    starter = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import os, signal; from engine.embedded import {service}; {service}.ensure_running(); "
            "os.kill(os.getpid(), signal.SIGKILL)",
        ],
        cwd=CHECKOUT,
        env=os.environ,
        timeout=90,
    )
    assert starter.returncode == -signal.SIGKILL
