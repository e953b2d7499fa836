"""`manage.py create_people ada=annotator,reviewer mel=ml_engineer`: logins with roles and one password for all named.

People who exist already get the password and the roles in addition.
"""

import getpass
import os
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from engine.workforce.models import Role
from engine.workforce.people import create_person

PASSWORD_VARIABLE = "LATHE_PASSWORD"


def person(text: str) -> tuple[str, list[Role]]:
    """Read `name=role,role`."""
    name, _, words = text.partition("=")
    known = {role.value: role for role in Role}
    roles = words.split(",") if words else []
    if not name or not roles or not set(roles) <= set(known):
        raise ArgumentTypeError(f"{text!r} is not of the form name=role,role with roles of {', '.join(known)}")
    return name, [known[role] for role in roles]


class Command(BaseCommand):
    """Make people; the password comes from the environment or is asked for, never from the command line."""

    help = f"Create people with roles. The password is read from ${PASSWORD_VARIABLE}, else asked for."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("people", nargs="+", type=person, metavar="name=role,role")

    def handle(self, *args: Any, **options: Any) -> None:
        password = os.environ.get(PASSWORD_VARIABLE) or getpass.getpass("Password: ")
        if not password:
            raise CommandError(f"People need a password: set {PASSWORD_VARIABLE} or type one.")
        for name, roles in options["people"]:
            create_person(username=name, password=password, roles=roles)
            self.stdout.write(f"{name}: {', '.join(roles)}")
