"""Secrets at rest: sealed with AES-256-GCM under the installation's key. Opened only to start a worker."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from hotplate.errors import PlatformError, Unavailable

KEY_BYTES = 32
NONCE_BYTES = 12


def make_key(path: Path) -> None:
    """Make the key, unless it is there. Mode 0600. Whole or not at all: half a key would be taken for one later."""
    if path.exists():
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(os.urandom(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(beside, path)
        except FileExistsError:  # another process was quicker: its key is the one
            pass
        except OSError:  # a file system without hard links
            beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def check_key(path: Path) -> None:
    """Look whether the key can be one. Raises Unavailable, with what to do."""
    size = path.stat().st_size
    if size != KEY_BYTES:
        raise Unavailable(
            f"The key that secrets are sealed with, {path}, is damaged: it has {size} bytes in place of {KEY_BYTES}. "
            "Put it back from a backup. Where there is none, remove it, start Hotplate again and set every secret anew."
        )


def seal(value: str, name: str, key: Path) -> str:
    """Seal a value for one name: it cannot be opened under another."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(_read(key)).encrypt(nonce, value.encode(), name.encode())
    return base64.b64encode(nonce + sealed).decode()


def unseal(sealed: str, name: str, key: Path) -> str:
    """Open a sealed value.

    Raises:
        PlatformError: the key is another one, or the value was changed. Unavailable: the key is damaged.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    data = base64.b64decode(sealed)
    try:
        return AESGCM(_read(key)).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], name.encode()).decode()
    except InvalidTag as error:
        raise PlatformError(
            f"The secret {name} cannot be opened: the key of this installation does not fit."
        ) from error


def _read(path: Path) -> bytes:
    check_key(path)
    return path.read_bytes()
