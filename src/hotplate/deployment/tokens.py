"""Tokens: 256 random bits behind a prefix and an id. Only a hash is ever kept.

`hp_ID_SECRET`: the id finds the record without a search, the secret is compared in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import NamedTuple

PREFIX = "hp"


class NewToken(NamedTuple):
    """A token on the one occasion when it is known."""

    id: str
    text: str
    hash: str


def make() -> NewToken:
    """Make a token."""
    name, secret = secrets.token_hex(6), secrets.token_hex(32)
    return NewToken(name, f"{PREFIX}_{name}_{secret}", hash_of(secret))


def hash_of(secret: str) -> str:
    """The hash of a token's secret part. The secret has 256 bits, so a fast hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def split(text: str) -> tuple[str, str] | None:
    """The id and the secret part of what a caller sent; None: it is no token of ours."""
    parts = text.split("_")
    if len(parts) != 3 or parts[0] != PREFIX or not parts[1] or not parts[2] or not text.isascii():
        return None
    return parts[1], parts[2]


def fits(secret: str, kept: str) -> bool:
    """Whether a secret part has this hash, in constant time."""
    return hmac.compare_digest(hash_of(secret), kept)


def make_admin(path: Path) -> str:
    """Give the installation's first token, made now unless its file (mode 0600) is there."""
    text = make().text
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return path.read_text("ascii").strip()
    with os.fdopen(fd, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    return text
