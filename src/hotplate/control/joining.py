"""A server's first look at its database: its admin token becomes known there, and what it had moves in."""

from __future__ import annotations

from hotplate.control.database import Database
from hotplate.control.ledger import record_change
from hotplate.control.log import log
from hotplate.control.plane import Plane
from hotplate.control.tokens import adopt_admin
from hotplate.deployment.home import Home
from hotplate.deployment.tokens import make_admin

TABLES = {
    "endpoints": "",
    "revisions": "",
    "deployments": "id",
    "tokens": "",
    "secrets": "",
    "registry_credentials": "",
    "volumes": "",
    "events": "id",
    "audit": "id",
}
"""What moves, in this order, and the column that is counted anew."""


def greet(plane: Plane) -> None:
    """Do it, and publish. To do it twice changes nothing. Raises Unavailable while a shared database is away."""
    if plane.database.shared:
        move_in(plane.home, plane.database)
    adopt_admin(plane.database, make_admin(plane.home.admin_token))
    plane.publisher.publish()


def move_in(home: Home, database: Database) -> bool:
    """Copy a home's own records into a shared database in which there are none yet."""
    if not home.control_db.is_file():
        return False
    from hotplate.control.sqlite import SqliteDatabase

    with database.transaction():
        if database.row("SELECT 1 FROM tokens LIMIT 1") is not None:  # somebody has been here before
            return False
        before = SqliteDatabase(home.control_db)
        try:
            for table, counted in TABLES.items():
                order = f" ORDER BY {counted}" if counted else ""
                for row in before.rows(f"SELECT * FROM {table}{order}"):  # noqa: S608 - words of ours
                    names = [name for name in row.keys() if name != counted]  # noqa: SIM118 - a row's values else
                    places = ", ".join("?" * len(names))
                    database.run(
                        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})",  # noqa: S608
                        [row[name] for name in names],
                    )
        finally:
            before.close()
        record_change(database, "supervisor", "store.move", "control.db")
        database.note_change()
    log("info", "the records of this home have moved into the shared database; control.db is left as it was")
    return True
