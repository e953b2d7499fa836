"""The secret key: made on first start, kept in `var/secret_key`, readable by its owner alone."""

import os
import secrets
from pathlib import Path


def kept_secret_key(folder: Path) -> str:
    """The key kept in `folder`, made now where there is none. Two processes that come at once get the same key."""
    path = folder / "secret_key"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".secret_key.{os.getpid()}.{secrets.token_hex(4)}"
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(64))
        try:
            os.link(draft, path)  # fails where another process was first, so its key stands
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()
