"""`manage.py create_person NAME ROLE…`: a login with roles; an existing person gets the password and the roles too."""

import getpass
import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from engine.workforce.models import Role
from engine.workforce.services import create_person

PASSWORD_VARIABLE = "LATHE_PASSWORD"


class Command(BaseCommand):
    """Make a person; the password comes from the environment or is asked for, never from the command line."""

    help = f"Create a person with roles. The password is read from ${PASSWORD_VARIABLE}, else asked for."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("roles", nargs="+", choices=[role.value for role in Role], metavar="role")

    def handle(self, *args: Any, **options: Any) -> None:
        password = os.environ.get(PASSWORD_VARIABLE) or getpass.getpass("Password: ")
        if not password:
            raise CommandError(f"A person needs a password: set {PASSWORD_VARIABLE} or type one.")
        person = create_person(
            username=options["username"], password=password, roles=[Role(role) for role in options["roles"]]
        )
        self.stdout.write(f"{person.username}: {', '.join(options['roles'])}")
