"""Management commands one after the other in one process: each would take seconds to start.

python -m scripts.commands '[["import_builtin", "--limit", "8"], ["flywheel", "register"]]'
"""

import json
import os
import sys

import django
from django.core.management import CommandError, call_command


def main(commands: list[list[str]]) -> int:
    """Run them all; the first that fails ends it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "engine.settings")
    django.setup()
    for command in commands:
        try:
            call_command(*command)
        except CommandError as error:
            print(f"manage.py {' '.join(command)} failed:\n{error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
