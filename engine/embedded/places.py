"""Where the embedded services keep their files, and the lock that lets only one process start them."""

import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
LONGEST_SOCKET_PATH_BYTES = 103  # sun_path holds 108 bytes on Linux and 104 on macOS, with the closing NUL


def var_folder() -> Path:
    """The folder of everything that a running Lathe writes: `LATHE_VAR`, else `var/` in the checkout."""
    return Path(os.environ.get("LATHE_VAR") or CHECKOUT / "var").resolve()


def socket_folder(folder: Path, *, socket_name: str) -> Path:
    """The folder for a unix socket: `folder` itself, or a short one under /tmp where its path would be too long."""
    if len(os.fsencode(folder / socket_name)) <= LONGEST_SOCKET_PATH_BYTES:
        return folder
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path("/tmp") / f"lathe-{os.getuid()}-{digest}"


def make_private_folder(folder: Path, *, owner: tuple[int, int] | None = None) -> None:
    """Make `folder` with mode 0700, owned by `owner` (uid, gid) or by us.

    Raises:
        PermissionError: somebody else made a folder of that name first.
    """
    uid, gid = owner or (os.getuid(), os.getgid())
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (uid, os.getuid()):
        raise PermissionError(f"{folder} belongs to somebody else. Remove it, or set LATHE_VAR to another folder.")
    os.chmod(folder, 0o700)
    if (found.st_uid, found.st_gid) != (uid, gid):
        os.chown(folder, uid, gid)


@contextmanager
def start_lock(name: str) -> Iterator[None]:
    """Hold the lock of service `name`, so that two processes never start it at once. A dead holder's lock is free."""
    folder = var_folder() / "run"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"{name}.lock", "w") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        yield
