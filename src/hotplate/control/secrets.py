"""Secrets: sealed on disk, named by the endpoints that want them, and never given out again."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from hotplate.control.database import Row
from hotplate.control.plane import Caller, Plane
from hotplate.control.publication import endpoint_settings
from hotplate.control.registry_credentials import tokens_of
from hotplate.control.settings import refused
from hotplate.deployment.masking import Mask
from hotplate.deployment.names import check_secret
from hotplate.deployment.sealed import seal, unseal
from hotplate.errors import Conflict, HotplateError, NotFound

MAX_VALUE = 64 * 1024
MAX_KEPT = 10_000


class SecretCreate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new secret. Endpoints that list its key find the value in the environment variable of that name."""

    key: str
    value: Annotated[str, Meta(min_length=1, max_length=MAX_VALUE)]


class SecretUpdate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new value."""

    value: Annotated[str, Meta(min_length=1, max_length=MAX_VALUE)]


def create_secret(plane: Plane, caller: Caller, given: SecretCreate) -> dict[str, Any]:
    """Keep a new secret."""
    check_secret(given.key)
    sealed, fingerprint = _seal(plane, given.key, given.value)
    with plane.change(caller, "secret.create", given.key) as now:
        row = plane.database.row("SELECT count(*), count(CASE WHEN key = ? THEN 1 END) FROM secrets", (given.key,))
        if row and row[1]:
            raise Conflict(f"The secret {given.key} is there already. `hotplate secret update` changes it.")
        if row and row[0] >= MAX_KEPT:
            raise refused("key", f"There are {MAX_KEPT} secrets already.")
        plane.database.run("INSERT INTO secrets VALUES (?, ?, ?, ?, ?)", (given.key, sealed, fingerprint, now, now))
    return get_secret(plane, given.key)


def update_secret(plane: Plane, caller: Caller, key: str, given: SecretUpdate) -> dict[str, Any]:
    """Give a secret another value. Endpoints that list it get it with their next replicas."""
    get_secret(plane, key)
    sealed, fingerprint = _seal(plane, key, given.value)
    with plane.change(caller, "secret.update", key) as now:
        plane.database.run(
            "UPDATE secrets SET sealed = ?, fingerprint = ?, updated_at = ? WHERE key = ?",
            (sealed, fingerprint, now, key),
        )
        for name in used_by(plane, key):
            plane.database.run("UPDATE endpoints SET generation = generation + 1 WHERE name = ?", (name,))
    return get_secret(plane, key)


def get_secret(plane: Plane, key: str) -> dict[str, Any]:
    """What may be known of a secret."""
    row = plane.database.row("SELECT * FROM secrets WHERE key = ?", (key,))
    if row is None:
        raise NotFound(f"There is no secret {key[:60]!r}.")
    return {**_shown(row), "endpoints": used_by(plane, key)}


def list_secrets(plane: Plane) -> list[dict[str, Any]]:
    """What may be known of every secret."""
    return [_shown(row) for row in plane.database.rows("SELECT * FROM secrets ORDER BY key")]


def delete_secret(plane: Plane, caller: Caller, key: str) -> dict[str, Any]:
    """Delete a secret that no endpoint lists."""
    get_secret(plane, key)
    with plane.change(caller, "secret.delete", key):
        if users := used_by(plane, key):
            raise Conflict(f"The secret {key} is used by {', '.join(users)}. Take it from them first.")
        plane.database.run("DELETE FROM secrets WHERE key = ?", (key,))
    return {"message": f"Secret {key} is deleted."}


def used_by(plane: Plane, key: str) -> list[str]:
    """The endpoints that list a secret."""
    return [name for name, settings in endpoint_settings(plane.database) if key in settings.container_secrets]


def check_secrets(plane: Plane, keys: list[str]) -> None:
    """Raise InvalidInput unless all of these are there."""
    known = {row["key"] for row in plane.database.rows("SELECT key FROM secrets")}
    missing = [key for key in keys if key not in known]
    if missing:
        hint = f"`hotplate secret create --key {missing[0]}` makes it."
        raise refused("container_secrets", f"There is no secret {', '.join(missing)}. {hint}")


def mask_of(plane: Plane) -> Mask:
    """What takes the value of every secret, and the token of every registry credential, out of a text."""
    values: list[str] = []
    secrets = [(row["sealed"], row["key"]) for row in plane.database.rows("SELECT key, sealed FROM secrets")]
    for sealed, name in (*secrets, *tokens_of(plane)):
        try:
            values.append(unseal(sealed, name, plane.home.key))
        except (HotplateError, OSError):  # sealed under a lost key: nobody can know, and so print, the value
            continue
    return Mask(values)


def _seal(plane: Plane, key: str, value: str) -> tuple[str, str]:
    if "\0" in value:
        raise refused("value", "An environment variable cannot hold a NUL.")
    try:
        data = value.encode()
    except UnicodeEncodeError:
        raise refused("value", "The value is not Unicode text.") from None
    sealed = seal(value, key, plane.home.key)
    # Over the sealed text's random nonce: four characters tell a change, and nothing about the value.
    return sealed, hashlib.sha256(sealed[:16].encode() + data).hexdigest()[-4:]


def _shown(row: Row) -> dict[str, Any]:
    return {
        "key": row["key"],
        "fingerprint": row["fingerprint"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }
