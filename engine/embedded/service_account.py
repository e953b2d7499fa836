"""The account that PostgreSQL runs under when we are root, since it refuses root.

A checkout may lie where that account cannot go (`/root/lathe`, a private temporary folder). Permissions of folders
that are not ours stay as they are; the server is then started with the one capability that lets it pass.
"""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterable
from pathlib import Path

NAME = "lathe-postgres"


class NoServiceAccountError(RuntimeError):
    """Running as root, and no account for PostgreSQL can be made or reach its files; the message says what to do."""


def ids() -> tuple[int, int] | None:
    """(uid, gid) of the account, made on first use; None where we are not root and the server runs as ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        entry = _make_account()
    return entry.pw_uid, entry.pw_gid


def prefix(*, must_reach: Iterable[Path]) -> list[str]:
    """Words to put before a command so that it runs under the account; empty where we are not root.

    Raises:
        NoServiceAccountError: the account cannot reach the folders of `must_reach` and the system gives no way.
    """
    account = ids()
    if account is None:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise NoServiceAccountError(
            "PostgreSQL refuses to run as root, and `setpriv` (package util-linux) is missing. "
            "Install it, run as another user, or set DATABASE_URL."
        )
    uid, gid = account
    words = [setpriv, f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
    if not all(map(_open_to_others, must_reach)):
        # dac_override passes closed folders; without no_setuid_fixup access(2) would still say no.
        words += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup"]
    return words


def _make_account() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (FileNotFoundError, subprocess.CalledProcessError) as exc:
        try:  # another process may have been first
            return pwd.getpwnam(NAME)
        except KeyError:
            raise NoServiceAccountError(
                f"PostgreSQL refuses to run as root, and `{' '.join(command)}` failed: "
                f"{getattr(exc, 'stderr', None) or exc}. Run as another user, or set DATABASE_URL."
            ) from exc
    return pwd.getpwnam(NAME)


def _open_to_others(folder: Path) -> bool:
    readable = stat.S_IROTH | stat.S_IXOTH
    return folder.stat().st_mode & readable == readable and all(
        parent.stat().st_mode & stat.S_IXOTH for parent in folder.resolve().parents
    )
