"""`python -m engine.rehearsal`: a scripted crowd against any Lathe server; prints what it did as JSON."""

import argparse
import json
import os
import signal
import sys
import time
from types import FrameType

from engine.rehearsal.client import ApiClient
from engine.rehearsal.crowd import Crowd
from engine.rehearsal.people import Annotator, Artist, Person, Reviewer
from engine.rehearsal.temperament import Temperament


def main() -> int:
    """Parse, sign everybody in, work until the time is over or a signal comes."""
    defaults = Temperament()
    parser = argparse.ArgumentParser(prog="python -m engine.rehearsal", description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="the server (default %(default)s)")
    parser.add_argument("--password-env", default="LATHE_REHEARSAL_PASSWORD", help="environment variable to read")
    parser.add_argument("--annotators", nargs="*", default=[], metavar="NAME", help="user names with that role")
    parser.add_argument("--reviewers", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--artists", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--seconds", type=float, help="stop after so long; without it, at SIGTERM or Ctrl-C")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--choice-noise", type=float, default=defaults.choice_noise)
    parser.add_argument("--rating-noise", type=float, default=defaults.rating_noise)
    parser.add_argument("--skip-share", type=float, default=defaults.skip_share)
    parser.add_argument("--lapse-share", type=float, default=defaults.lapse_share)
    parser.add_argument("--seconds-per-answer", type=float, default=defaults.seconds_per_answer)
    options = parser.parse_args()
    if not (options.annotators or options.reviewers or options.artists):
        parser.error("name at least one person: --annotators, --reviewers or --artists")
    password = os.environ.get(options.password_env)
    if not password:
        parser.error(f"set {options.password_env} to the password of these people")

    temperament = Temperament(
        choice_noise=options.choice_noise,
        rating_noise=options.rating_noise,
        skip_share=options.skip_share,
        lapse_share=options.lapse_share,
        seconds_per_answer=options.seconds_per_answer,
    )
    roles: list[tuple[type[Person], str]] = [
        *((Annotator, name) for name in options.annotators),
        *((Reviewer, name) for name in options.reviewers),
        *((Artist, name) for name in options.artists),
    ]
    people = [
        role(
            client=ApiClient(base_url=options.url, username=name, password=password),
            seed=options.seed * 1000 + number,
            temperament=temperament,
        )
        for number, (role, name) in enumerate(roles)
    ]
    crowd = Crowd(people)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        crowd.stop.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    deadline = None if options.seconds is None else time.monotonic() + options.seconds
    report = crowd.run(until=lambda: deadline is not None and time.monotonic() > deadline)
    json.dump(report, sys.stdout, indent=2)
    print()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
