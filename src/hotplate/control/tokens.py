"""Tokens: made, listed, revoked, and looked up for each request. The token itself is shown once and never kept."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from hotplate.control.database import Database, Row
from hotplate.control.ledger import record_change
from hotplate.control.plane import Caller, Plane, to_json
from hotplate.control.settings import refused
from hotplate.deployment import tokens
from hotplate.deployment.names import check_endpoint
from hotplate.deployment.records import Scope
from hotplate.errors import NotFound, Unauthorized

MAX_TOKENS = 10_000
USED_EVERY_S = 60.0
"""How often the time of a token's last use is written at most."""

NO_HASH = tokens.hash_of("")
"""Compared with where there is no such token, so that both cases take the same time."""


class TokenCreate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new token. `expires_in_s` counts from now; without it the token lasts until it is revoked."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1, max_length=4)] = ("invoke",)
    endpoints: Annotated[list[str], Meta(max_length=1000)] = []
    expires_in_s: Annotated[float, Meta(gt=0, le=3.2e9)] | None = None
    rate_per_s: Annotated[float, Meta(gt=0, le=1e6)] | None = None
    concurrency: Annotated[int, Meta(ge=1, le=100_000)] | None = None


def create_token(plane: Plane, caller: Caller, given: TokenCreate) -> dict[str, Any]:
    """Make a token. The answer is the one place where it is written out."""
    if not given.name.isprintable():
        raise refused("name", "must not hold control characters.")
    for name in given.endpoints:
        check_endpoint(name)
    new = tokens.make()
    with plane.change(caller, "token.create", new.id, f"{given.name}: {', '.join(given.scopes)}") as now:
        row = plane.database.row("SELECT count(*) FROM tokens WHERE revoked_at IS NULL")
        if row and row[0] >= MAX_TOKENS:
            raise refused("name", f"There are {MAX_TOKENS} tokens already. Revoke some first.")
        plane.database.run(
            "INSERT INTO tokens (id, name, hash, scopes, endpoints, expires_at, rate_per_s, concurrency, created_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                new.id,
                given.name,
                new.hash,
                to_json(sorted(set(given.scopes))),
                to_json(sorted(set(given.endpoints))),
                now + given.expires_in_s if given.expires_in_s is not None else None,
                given.rate_per_s,
                given.concurrency,
                now,
            ),
        )
    return {"token": new.text, **get_token(plane, new.id)}


def list_tokens(plane: Plane) -> list[dict[str, Any]]:
    """Every token that is not revoked, expired ones included, without what would let anybody use it."""
    used = _server_use(plane.home.server_db)
    rows = plane.database.rows("SELECT * FROM tokens WHERE revoked_at IS NULL ORDER BY created_at")
    return [_shown(row, used) for row in rows]


def get_token(plane: Plane, name: str) -> dict[str, Any]:
    """One token by its id."""
    row = plane.database.row("SELECT * FROM tokens WHERE id = ?", (name,))
    if row is None:
        raise NotFound(f"There is no token with the id {name[:40]!r}. `hotplate token list` shows every id.")
    return _shown(row, _server_use(plane.home.server_db))


def revoke_token(plane: Plane, caller: Caller, name: str) -> dict[str, Any]:
    """Revoke a token: at once here, and in the server with the next snapshot."""
    get_token(plane, name)
    with plane.change(caller, "token.revoke", name) as now:
        plane.database.run("UPDATE tokens SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?", (now, name))
    return {"message": f"Token {name} is revoked."}


def adopt_admin(database: Database, text: str) -> None:
    """Know the installation's first token. One that was revoked stays revoked."""
    parts = tokens.split(text)
    if parts is None or database.row("SELECT 1 FROM tokens WHERE id = ?", (parts[0],)):
        return
    with database.transaction():
        database.run(
            "INSERT INTO tokens (id, name, hash, scopes, created_at) VALUES (?, 'admin', ?, '[\"admin\"]', ?)",
            (parts[0], tokens.hash_of(parts[1]), time.time()),
        )
        record_change(database, "supervisor", "token.create", parts[0], "admin")
        database.note_change()


def authenticate(database: Database, text: str) -> Caller:
    """Find out who sends this token.

    Raises:
        Unauthorized: it is wrong, expired or revoked. The text does not tell which of the first.
    """
    parts = tokens.split(text)
    row = database.row("SELECT * FROM tokens WHERE id = ?", (parts[0],)) if parts else None
    fits = tokens.fits(parts[1] if parts else "", row["hash"] if row else NO_HASH)
    if parts is None or row is None or not fits:
        raise Unauthorized("The token is wrong. `hotplate token create` makes a new one.")
    now = time.time()
    if row["revoked_at"] is not None:
        raise Unauthorized("The token is revoked.")
    if row["expires_at"] is not None and row["expires_at"] <= now:
        raise Unauthorized("The token is expired.")
    if now - (row["last_used_at"] or 0) > USED_EVERY_S:
        database.run("UPDATE tokens SET last_used_at = ? WHERE id = ?", (now, row["id"]))
    scopes: tuple[Scope, ...] = msgspec.json.decode(row["scopes"], type=tuple[Scope, ...])
    endpoints = msgspec.json.decode(row["endpoints"], type=tuple[str, ...])
    return Caller(row["id"], row["name"], scopes, endpoints, row["expires_at"])


def _shown(row: Row, used: dict[str, float]) -> dict[str, Any]:
    last = max(row["last_used_at"] or 0.0, used.get(row["id"], 0.0))
    return {
        "id": row["id"],
        "name": row["name"],
        "scopes": msgspec.json.decode(row["scopes"]),
        "endpoints": msgspec.json.decode(row["endpoints"]),
        "created_at": row["created_at"],
        "expires_at": row["expires_at"],
        "revoked_at": row["revoked_at"],
        "last_used_at": last or None,
        "rate_per_s": row["rate_per_s"],
        "concurrency": row["concurrency"],
    }


def _server_use(path: Path) -> dict[str, float]:
    """When the server last saw each token."""
    from hotplate.control.server_rows import read_rows

    rows = read_rows(path, "SELECT token, max(at) AS at FROM token_use GROUP BY token")
    return {str(row["token"]): float(row["at"]) for row in rows if row["at"] is not None}
