"""A home whose records lie in a PostgreSQL that several servers share: which one, and whether their keys are the same.

The URL is kept in the home (mode 0600, as its key is), so that commands which read the records on their own find them,
and a start without `--store` does not begin anew with empty files.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from hotplate.deployment.home import Home, write_whole
from hotplate.errors import SettingError

FILES = "files"
"""The word for a store in the home itself."""
SCHEMES = ("postgresql://", "postgres://")


def find_store(home: Home, given: str | None = None) -> str | None:
    """The URL of the PostgreSQL that a home's records are in; None: they lie in the home.

    `given` is what a setting says: a URL, `files`, or nothing, which leaves it as it was.

    Raises:
        SettingError: `given` is neither.
    """
    if given is None:
        try:
            given = home.store.read_text("utf-8").strip()
        except FileNotFoundError:
            return None
    if given == FILES:
        return None
    if not given.startswith(SCHEMES):
        raise SettingError(
            f"`store` must be a URL such as postgresql://USER@HOST/DATABASE, or `{FILES}`.",
            key="store",
            hint="The password may stand in the URL, or in PGPASSFILE.",
        )
    return given


def keep_store(home: Home, url: str | None) -> None:
    """Remember a home's store for the next start."""
    if url is None:
        home.store.unlink(missing_ok=True)
    elif find_store(home) != url:
        write_whole(home.store, f"{url}\n".encode())


def mark_of(key: Path) -> int:
    """A number that tells one key from another and nothing about either."""
    digest = hmac.digest(key.read_bytes(), b"hotplate: which key is this", hashlib.sha256)
    return int.from_bytes(digest[:7])
