"""What every operation of control works on, and the one way to change it."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from hotplate.control.database import Database, open_database
from hotplate.control.ledger import record_change
from hotplate.control.publication import Publisher
from hotplate.deployment.home import Home
from hotplate.deployment.records import Scope


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `endpoints` limits the token to these; none means all."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    endpoints: tuple[str, ...] = ()
    expires_at: float | None = None

    def may(self, scope: Scope) -> bool:
        """Whether a scope is covered: admin covers all, deploy covers read."""
        return "admin" in self.scopes or scope in self.scopes or (scope == "read" and "deploy" in self.scopes)

    def reaches(self, endpoint: str) -> bool:
        """Whether the token is for this endpoint."""
        return not self.endpoints or endpoint in self.endpoints


ITSELF = Caller("control", "control", ("admin",))
"""Changes that control makes by itself, such as going back after a deploy that failed."""


@dataclass(frozen=True, slots=True)
class Plane:
    """The installation, its database, and the snapshot that is made of it."""

    home: Home
    database: Database
    publisher: Publisher

    @contextmanager
    def change(self, caller: Caller, action: str, subject: str, details: str = "") -> Generator[float]:
        """A change: in one transaction with its line in the audit log, then published. Gives the time."""
        with self.database.transaction():
            yield time.time()
            record_change(self.database, caller.id, action, subject, details)
            self.database.note_change()
        self.publisher.publish()


def open_plane(home: Home, store: str | None = None) -> Plane:
    """Open an installation's database, as the supervisor left it. `store` is the setting of that name."""
    home.make()
    database = open_database(home, store)
    return Plane(home, database, Publisher(home, database))


def to_json(value: object) -> str:
    """A value as the database keeps it."""
    return msgspec.json.encode(value).decode()
