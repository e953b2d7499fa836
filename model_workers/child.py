"""The child's side of `model_workers.child_process`: a process in which foreign or heavy code runs."""

import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from engine import logs

Tell = Callable[..., None]
_PR_SET_PDEATHSIG = 1


def attach_to_parent(parent_pid: int) -> Tell:
    """Live no longer than the parent; return what writes one event to it: `tell(end="")` writes {"end": ""}.

    Whatever is printed from now on goes to standard error.
    """
    if sys.platform == "linux":  # elsewhere the next read of standard input ends us
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        sys.exit("the worker is gone")
    logs.configure()
    events = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def tell(**event: Any) -> None:
        events.write(json.dumps(event) + "\n")
        events.flush()

    return tell
