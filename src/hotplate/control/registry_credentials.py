"""Logins to registries of images: sealed on disk as secrets are, to fetch and push images with, never given out."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hotplate.control.database import Row
from hotplate.control.named import read_shared
from hotplate.control.plane import Caller, Plane
from hotplate.control.settings import refused
from hotplate.deployment.home import Home
from hotplate.deployment.names import check_credential
from hotplate.deployment.sealed import seal, unseal
from hotplate.deployment.shared import find_store
from hotplate.errors import Conflict, NotFound, PlatformError, SettingError
from hotplate.images.reference import HUB, check_registry

MAX_KEPT = 1_000
BUSY_S = 10.0

Username = Annotated[str, Meta(min_length=1, max_length=256)]
Token = Annotated[str, Meta(min_length=1, max_length=64 * 1024)]


class RegistryCredentialCreate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new login: `token` is the password, or what a registry gives in its place."""

    key: str
    registry: Annotated[str, Meta(max_length=300)] = HUB
    username: Username
    token: Token


class RegistryCredentialUpdate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be another: a login that changes its registry or its username needs its token again."""

    registry: Annotated[str, Meta(max_length=300)] | UnsetType = UNSET
    username: Username | UnsetType = UNSET
    token: Token


def create_registry_credential(plane: Plane, caller: Caller, given: RegistryCredentialCreate) -> dict[str, Any]:
    """Keep a new login."""
    check_credential(given.key)
    registry = _registry(given.registry)
    _username(given.username)
    sealed, fingerprint = _seal(plane, given.key, given.token)
    with plane.change(caller, "registry_credential.create", given.key) as now:
        row = plane.database.row(
            "SELECT count(*), count(CASE WHEN key = ? THEN 1 END) FROM registry_credentials", (given.key,)
        )
        if row and row[1]:
            raise Conflict(f"The credential {given.key} is there already. `hotplate regcred update` changes it.")
        if row and row[0] >= MAX_KEPT:
            raise refused("key", f"There are {MAX_KEPT} registry credentials already.")
        plane.database.run(
            "INSERT INTO registry_credentials VALUES (?, ?, ?, ?, ?, ?, ?)",
            (given.key, registry, given.username, sealed, fingerprint, now, now),
        )
    return get_registry_credential(plane, given.key)


def update_registry_credential(
    plane: Plane, caller: Caller, key: str, given: RegistryCredentialUpdate
) -> dict[str, Any]:
    """Give a login another token, username or registry. A token alone is never sent to another registry than it was
    given for."""
    before = get_registry_credential(plane, key)
    registry = before["registry"] if given.registry is UNSET else _registry(given.registry)
    username = before["username"] if given.username is UNSET else _username(given.username)
    sealed, fingerprint = _seal(plane, key, given.token)
    with plane.change(caller, "registry_credential.update", key) as now:
        plane.database.run(
            "UPDATE registry_credentials SET registry = ?, username = ?, sealed = ?, fingerprint = ?, updated_at = ? "
            "WHERE key = ?",
            (registry, username, sealed, fingerprint, now, key),
        )
    return get_registry_credential(plane, key)


def get_registry_credential(plane: Plane, key: str) -> dict[str, Any]:
    """What may be known of a login: all but its token."""
    row = plane.database.row("SELECT * FROM registry_credentials WHERE key = ?", (key,))
    if row is None:
        raise NotFound(f"There is no registry credential {key[:60]!r}.")
    return _shown(row)


def list_registry_credentials(plane: Plane) -> list[dict[str, Any]]:
    """What may be known of every login."""
    return [_shown(row) for row in plane.database.rows("SELECT * FROM registry_credentials ORDER BY key")]


def delete_registry_credential(plane: Plane, caller: Caller, key: str) -> dict[str, Any]:
    """Forget a login."""
    get_registry_credential(plane, key)
    with plane.change(caller, "registry_credential.delete", key):
        plane.database.run("DELETE FROM registry_credentials WHERE key = ?", (key,))
    return {"message": f"Registry credential {key} is deleted."}


def read_login(home: Home, key: str) -> tuple[str, str, str]:
    """A login's registry, username and token, for who works on this machine; control need not run.

    Raises:
        SettingError: there is none of that name.
        PlatformError: the database cannot be read, or the login not opened.
    """
    check_credential(key)
    row = None
    if find_store(home) is not None:
        found = read_shared(home, "SELECT registry, username, sealed FROM registry_credentials WHERE key = ?", (key,))
        row = found[0] if found else None
    elif home.control_db.is_file():
        try:
            with closing(sqlite3.connect(f"{home.control_db.as_uri()}?mode=ro", uri=True, timeout=BUSY_S)) as database:
                row = database.execute(
                    "SELECT registry, username, sealed FROM registry_credentials WHERE key = ?", (key,)
                ).fetchone()
        except sqlite3.Error as error:
            if "no such table" not in str(error):
                raise PlatformError(f"control.db cannot be read: {error}.") from error
    if row is None:
        hint = f"`hotplate regcred create --name {key}` makes it; `hotplate regcred list` shows those that there are."
        raise SettingError(f"There is no registry credential {key}.", key="registry_credential", hint=hint)
    return row[0], row[1], unseal(row[2], _sealed_as(key), home.key)


def tokens_of(plane: Plane) -> list[tuple[str, str]]:
    """Every sealed token and what it is sealed as, for masking."""
    rows = plane.database.rows("SELECT key, sealed FROM registry_credentials")
    return [(row["sealed"], _sealed_as(row["key"])) for row in rows]


def _sealed_as(key: str) -> str:
    return f"registry credential {key}"  # no secret's key has a blank, so neither opens as the other


def _registry(text: str) -> str:
    try:
        return check_registry(text)
    except SettingError as error:
        raise refused("registry", error.message) from None


def _username(text: str) -> str:
    if ":" in text or not text.isprintable():
        raise refused("username", "A username is printable and has no colon.")
    return text


def _seal(plane: Plane, key: str, token: str) -> tuple[str, str]:
    if not token.isprintable():
        raise refused("token", "The token has characters that no password has.")
    sealed = seal(token, _sealed_as(key), plane.home.key)
    # Over the sealed text's random nonce: four characters tell a change, and nothing about the token.
    return sealed, hashlib.sha256(sealed[:16].encode() + token.encode()).hexdigest()[-4:]


def _shown(row: Row) -> dict[str, Any]:
    names = ("key", "registry", "username", "fingerprint", "created_at", "updated_at")
    return {name: row[name] for name in names}
