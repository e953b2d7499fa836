"""A crowd of scripted people at work, each in a thread, until told to stop or until nothing is left to do."""

import statistics
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Any

from engine.rehearsal.people import Person

# An empty queue is asked again after a pause that doubles: people who wait do not hammer the server.
IDLE_SECONDS = (0.5, 1.0, 2.0, 4.0)


class Crowd:
    """Runs people until `stop` is set. A person who fails stops the crowd; `run` then raises that failure."""

    def __init__(self, people: Sequence[Person]) -> None:
        self.people = people
        self.stop = threading.Event()

    def run(self, *, until: Callable[[], bool] = lambda: False, poll_seconds: float = 1.0) -> dict[str, Any]:
        """Work until `until()` is true (or `stop` is set) and return the report.

        Raises:
            Exception: whatever made a person fail.
        """
        with ThreadPoolExecutor(max_workers=len(self.people)) as pool:
            lives = [pool.submit(self._live, person) for person in self.people]
            try:
                while not self.stop.is_set() and not until():
                    ended, _ = wait(lives, timeout=poll_seconds, return_when=FIRST_EXCEPTION)
                    if ended:
                        break
            finally:
                self.stop.set()
            for life in lives:
                life.result()
        return self.report()

    def report(self) -> dict[str, Any]:
        """What everybody did, and how long the API took, by kind of request."""
        tally: Counter[str] = Counter()
        latencies_ms: dict[str, list[float]] = {}
        for person in self.people:
            tally.update(person.tally)
            for label, values in list(person.client.latencies_ms.items()):
                latencies_ms.setdefault(label, []).extend(values)
        return {
            "people": len(self.people),
            "tally": dict(sorted(tally.items())),
            "latency_ms": {
                label: {
                    "count": len(values),
                    "p50": round(statistics.median(values), 1),
                    "p99": round(sorted(values)[min(len(values) - 1, int(0.99 * len(values)))], 1),
                }
                for label, values in sorted(latencies_ms.items())
            },
        }

    def _live(self, person: Person) -> None:
        idle = 0
        while not self.stop.is_set():
            if person.work_once():
                idle = 0
                continue
            self.stop.wait(IDLE_SECONDS[min(idle, len(IDLE_SECONDS) - 1)] * (0.5 + person.dice.random()))
            idle += 1
