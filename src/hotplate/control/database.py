"""What control keeps, and the two places where it can be: a file of this home, or a PostgreSQL that servers share.

Statements are written once, in the SQL that both understand, with `?` where values go. One conformance suite holds for
both (`tests/conformance/databases`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from hotplate.deployment.home import Home
from hotplate.deployment.shared import find_store, mark_of


class Row(Protocol):
    """A row: its values by place or by name, and the names."""

    def __getitem__(self, key: int | str, /) -> Any:
        """Give a value."""
        ...

    def keys(self) -> Iterable[Any]:
        """The names."""
        ...


class Database(Protocol):
    """Short transactions, one at a time over all servers. Its methods may be called from any thread.

    `shared`: other servers read and write it too. Those that cannot reach it raise Unavailable.
    """

    shared: bool

    def rows(self, sql: str, values: Iterable[Any] = ()) -> Sequence[Row]:
        """Read rows."""
        ...

    def row(self, sql: str, values: Iterable[Any] = ()) -> Row | None:
        """Read one row, or None."""
        ...

    def run(self, sql: str, values: Iterable[Any] = ()) -> int:
        """Change rows and say how many. Inside `transaction` alone, where several changes belong together."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing. One inside another belongs to the outer one."""
        ...

    def note_change(self) -> None:
        """Inside a transaction: tell other servers, once it is done, that what is published has changed."""
        ...

    def changes(self) -> int:
        """A number that is another one after each change that some server noted."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


def open_database(home: Home, store: str | None = None) -> Database:
    """Open what a home keeps its records in; `store` is a setting's value, where it was given.

    A PostgreSQL is connected to with the first statement, so that a server starts while it is away.

    Raises:
        SettingError: the store is none. MissingExtra: psycopg is not installed.
    """
    url = find_store(home, store)
    if url is None:
        from hotplate.control.sqlite import SqliteDatabase

        return SqliteDatabase(home.control_db)
    from hotplate.control.postgres import PostgresDatabase

    return PostgresDatabase(url, mark_of(home.key) if home.key.is_file() else None)
