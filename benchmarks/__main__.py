"""Run every benchmark, or those named: `python -m benchmarks [name …]`. Progress to stderr, JSON to stdout."""

import json
import os
import pkgutil
import sys
from importlib import import_module
from typing import Any

import benchmarks


def main(names: list[str]) -> None:
    """Measure and print."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "engine.settings")
    results: dict[str, Any] = {}
    for name in names or sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__)):
        module = import_module(f"benchmarks.{name}")
        if name != "__main__" and hasattr(module, "measure"):
            print(f"measuring {name} …", file=sys.stderr)
            results[name] = module.measure()
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
