#!/usr/bin/env python3
"""Sets a checkout up: system libraries, `.venv`, npm packages, the bundle, the database. `make setup` runs it.

Each step remembers a digest of its inputs in `var/setup/` and is skipped while they stay the same, so that running it
again takes seconds. It needs the standard library alone, since it runs before anything is installed.
"""

import argparse
import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
VENV = CHECKOUT / ".venv"
PYTHON = VENV / "bin" / "python"
UI = CHECKOUT / "annotation_ui"
NOTES = CHECKOUT / "var" / "setup"  # digests and logs of the steps
# The first draws no window of its own, for two thirds of the work.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
GRAPHICS_LIBRARIES = {  # what open3d loads, and the Debian package that has it
    "libusb-1.0.so.0": "libusb-1.0-0",
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libX11.so.6": "libx11-6",
    "libgomp.so.1": "libgomp1",
}


class SetupError(Exception):
    """Setting up cannot go on; the message says what is missing and how to get it."""


@dataclass(frozen=True)
class Step:
    """One step: skipped while `inputs` are unchanged and all of `outputs` exist."""

    name: str
    inputs: list[Path]
    outputs: list[Path]
    run: Callable[["Log"], None]


class Log:
    """Runs commands with their output in `var/setup/<step>.log`, shown only where one fails."""

    def __init__(self, step_name: str) -> None:
        self.path = NOTES / f"{step_name.replace(' ', '-').lower()}.log"
        self.path.write_bytes(b"")

    def run(self, *command: str | Path, cwd: Path = CHECKOUT, environment: dict[str, str] | None = None) -> None:
        words = [str(word) for word in command]
        with open(self.path, "ab") as output:
            output.write(f"$ {' '.join(words)}\n".encode())
            output.flush()
            code = subprocess.call(
                words,
                cwd=cwd,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        if code != 0:
            tail = "\n".join(self.path.read_text(errors="replace").splitlines()[-25:])
            raise SetupError(f"`{' '.join(words)}` failed (exit {code}):\n{tail}\nThe whole output is in {self.path}")


class Progress:
    """One line as a step begins and one as it ends; on a terminal, seconds tick in between."""

    def __init__(self) -> None:
        self._running: dict[str, float] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._terminal = sys.stdout.isatty()
        if self._terminal:
            threading.Thread(target=self._tick, daemon=True).start()

    def begin(self, name: str) -> None:
        with self._lock:
            self._running[name] = time.monotonic()
            self._line(f"… {name}")

    def end(self, name: str, *, mark: str = "✓") -> None:
        with self._lock:
            seconds = time.monotonic() - self._running.pop(name)
            self._line(f"{mark} {name}  {seconds:.1f} s")

    def close(self) -> None:
        self._over.set()

    def _line(self, text: str) -> None:
        print(f"\r\033[K{text}" if self._terminal else text, flush=True)

    def _tick(self) -> None:
        while not self._over.wait(0.5):
            with self._lock:
                now = time.monotonic()
                status = ", ".join(f"{name} {now - start:.0f} s" for name, start in self._running.items())
                print(f"\r\033[K  {status}" if status else "\r\033[K", end="", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--without-browser", action="store_true", help="do not look for Chromium (tests alone need it)")
    parser.add_argument("--without-database", action="store_true", help="leave an embedded database to `engine.serve`")
    options = parser.parse_args()
    NOTES.mkdir(parents=True, exist_ok=True)
    progress = Progress()
    started = time.monotonic()
    try:
        check_versions()
        install_system_packages(progress, browser=not options.without_browser)
        with ThreadPoolExecutor() as together:  # pip and npm wait for different things
            branches = [together.submit(take, [PYTHON_PACKAGES, LATHE_ITSELF], progress)]
            if (UI / "package.json").exists():
                branches.append(together.submit(take, [NPM_PACKAGES, BUNDLE], progress))
            for branch in branches:
                branch.result()
        if os.environ.get("DATABASE_URL") or not options.without_database:
            prepare_database(progress)
    except SetupError as problem:
        print(f"\nSetting up stopped.\n{problem}", file=sys.stderr)
        return 1
    finally:
        progress.close()
    print(f"Ready after {time.monotonic() - started:.1f} s.")
    return 0


def take(steps: Iterable[Step], progress: Progress) -> None:
    """Run those steps whose inputs changed."""
    for step in steps:
        if is_done(step):
            continue
        note, digest = note_of(step), digest_of(step.inputs)
        note.unlink(missing_ok=True)
        progress.begin(step.name)
        try:
            step.run(Log(step.name))
        except BaseException:
            progress.end(step.name, mark="✗")
            raise
        note.write_text(digest)
        progress.end(step.name)


def is_done(step: Step) -> bool:
    """Whether the step was run with its inputs as they are now."""
    note = note_of(step)
    return note.exists() and note.read_text() == digest_of(step.inputs) and all(path.exists() for path in step.outputs)


def note_of(step: Step) -> Path:
    """Where a step keeps the digest of the inputs that it was run with."""
    return NOTES / f"{step.name.replace(' ', '-').lower()}.digest"


def digest_of(inputs: list[Path]) -> str:
    """Digest of the contents of files and, recursively, of folders (without what is installed or built)."""
    digest = hashlib.sha256(sys.version.encode())
    for root in inputs:
        for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
            if path.is_file() and not {"node_modules", "dist", "__pycache__"} & set(path.relative_to(CHECKOUT).parts):
                digest.update(f"{path.relative_to(CHECKOUT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def check_versions() -> None:
    """Python 3.11 or later, Node 20.19 or later with npm.

    Raises:
        SetupError: naming what is missing and where to get it.
    """
    if sys.version_info < (3, 11):  # noqa: UP036  (this is the message for older ones)
        raise SetupError(
            f"Lathe needs Python 3.11 or later, this is {sys.version.split()[0]} ({sys.executable}).\n"
            "Install python3.11 and run `make setup PYTHON=python3.11`."
        )
    if not (UI / "package.json").exists():
        return
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise SetupError(
            "Lathe needs Node.js 20 or later with npm, and they are not on PATH. Get them from nodejs.org."
        )
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if tuple(map(int, version.lstrip("v").split(".")[:2])) < (20, 19):
        raise SetupError(f"Lathe needs Node.js 20.19 or later, {node} is {version}. Get it from nodejs.org.")


def install_system_packages(progress: Progress, *, browser: bool) -> None:
    """Install what is missing by apt-get where we are root; else say the command.

    Raises:
        SetupError: libraries of open3d are missing and we may not install them.
    """
    libraries = [package for library, package in GRAPHICS_LIBRARIES.items() if not loads(library)]
    chromium = ["chromium"] if browser and not any(map(shutil.which, BROWSERS)) else []
    missing = libraries + chromium
    if not missing or not sys.platform.startswith("linux"):
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        name = f"System packages ({', '.join(missing)})"
        progress.begin(name)
        log = Log("system-packages")
        log.run("apt-get", "update")
        if chromium and apt_has(BROWSERS[0]):
            command[-1] = BROWSERS[0]
        log.run(*command, environment={"DEBIAN_FRONTEND": "noninteractive"})
        progress.end(name)
        return
    how = f"On Debian or Ubuntu: sudo apt-get update && sudo {' '.join(command)}"
    if libraries:
        raise SetupError(f"open3d needs system libraries that are missing: {', '.join(libraries)}.\n{how}")
    print(f"Chromium is missing: everything works without it except the browser tests of `make test`.\n{how}")


def apt_has(package: str) -> bool:
    """Whether apt could install it."""
    return subprocess.run(["apt-cache", "show", package], capture_output=True, check=False).returncode == 0


def loads(library: str) -> bool:
    """Whether the system finds a shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def install_python_packages(log: Log) -> None:
    """Make `.venv` and install every requirement as a wheel, at its pinned version."""
    if not PYTHON.exists():
        log.run(sys.executable, "-m", "venv", "--clear", VENV)
    install: list[str | Path] = [
        PYTHON,
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--no-compile",
    ]
    log.run(*install, "--only-binary=:all:", "-c", "requirements/constraints.txt", "-r", "requirements/dev.in")


def install_lathe(log: Log) -> None:
    """Install this checkout in place, so that its entry points (the generators) are found."""
    log.run(
        *(PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"),
        *("--editable", "."),
    )


def install_npm_packages(log: Log) -> None:
    """Install exactly what the lock file says."""
    log.run("npm", "ci", "--no-audit", "--no-fund", cwd=UI, environment={"PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1"})


def build_bundle(log: Log) -> None:
    """Build the annotation UI."""
    log.run("npm", "run", "build", cwd=UI)


def prepare_database(progress: Progress) -> None:
    """Start the embedded database where no other is configured, and bring its tables up to date."""
    name = "Database"
    progress.begin(name)
    try:
        Log(name).run(PYTHON, "manage.py", "migrate", "--no-input")
    except SetupError:
        progress.end(name, mark="✗")
        raise
    progress.end(name)


PYTHON_PACKAGES = Step(
    "Python packages",
    inputs=sorted((CHECKOUT / "requirements").glob("*")),
    outputs=[PYTHON],
    run=install_python_packages,
)
LATHE_ITSELF = Step("Lathe itself", inputs=[CHECKOUT / "pyproject.toml"], outputs=[PYTHON], run=install_lathe)
NPM_PACKAGES = Step(
    "npm packages",
    inputs=[UI / "package.json", UI / "package-lock.json"],
    outputs=[UI / "node_modules"],
    run=install_npm_packages,
)
BUNDLE = Step(
    "Annotation UI bundle",
    inputs=[UI / "src", *sorted(UI.glob("*.json")), *sorted(UI.glob("*.ts")), *sorted(UI.glob("*.cjs"))],
    outputs=[UI / "static" / "annotation_ui" / "dist"],
    run=build_bundle,
)

if __name__ == "__main__":
    sys.exit(main())
