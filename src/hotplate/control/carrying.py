"""Revisions in a shared database: whoever deploys one puts its files there, whoever has to serve it fetches them.

Files are kept once, by their content, in rows of a few MiB. What no endpoint names any more is dropped after a day.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from hotplate.build import store
from hotplate.build.carry import CHUNK, Carried, Manifest, manifest_of, restore
from hotplate.control.database import Database
from hotplate.control.plane import Plane
from hotplate.control.publication import read_revision
from hotplate.deployment.home import Home
from hotplate.deployment.records import Revision
from hotplate.errors import HotplateError, NotFound, ProjectError

GRACE_S = 86_400.0
"""What was put there within this time stays, since it may be about to be deployed."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Manifest)


def have(plane: Plane, digest: str) -> Revision:
    """Read a revision; one that another server has shared is fetched first.

    Raises:
        NotFound: there is none. HotplateError: it cannot be fetched, and why.
    """
    try:
        return read_revision(plane.home, digest)
    except NotFound:
        if not plane.database.shared:
            raise
    if not fetch(plane.home, plane.database, digest):
        raise NotFound(f"There is no revision {digest[:60]!r} on any server. `hotplate build` makes one.")
    return read_revision(plane.home, digest)


def share(home: Home, database: Database, digest: str) -> bool:
    """Put a revision of this home where other servers find it. False: it is there already, or nobody shares."""
    if not database.shared or is_shared(database, digest):
        return False
    manifest = manifest_of(home, digest)
    root = Path(manifest.revision.root)
    for each in manifest.files:
        _put(database, root / each.name, each)
    database.run(
        "INSERT INTO carried VALUES (?, ?, ?) ON CONFLICT (digest) DO UPDATE SET created_at = excluded.created_at",
        (digest, _encoder.encode(manifest), time.time()),
    )
    return True


def is_shared(database: Database, digest: str) -> bool:
    """Whether other servers can fetch a revision."""
    return bool(database.run("UPDATE carried SET created_at = ? WHERE digest = ?", (time.time(), digest)))


def _put(database: Database, path: Path, each: Carried) -> None:
    if database.run("UPDATE carried_file SET used_at = ? WHERE digest = ? AND whole", (time.time(), each.digest)):
        return
    database.run(
        "INSERT INTO carried_file VALUES (?, FALSE, ?) ON CONFLICT (digest) DO UPDATE SET used_at = excluded.used_at",
        (each.digest, time.time()),
    )
    with path.open("rb") as file:
        number = 0
        while part := file.read(CHUNK):
            database.run(
                "INSERT INTO carried_part VALUES (?, ?, ?) "
                "ON CONFLICT (file, number) DO UPDATE SET data = excluded.data",
                (each.digest, number, part),
            )
            number += 1
    database.run("UPDATE carried_file SET whole = TRUE WHERE digest = ?", (each.digest,))


def fetch(home: Home, database: Database, digest: str) -> bool:
    """Make a shared revision one of this home's. False: nobody has shared it.

    Raises:
        HotplateError: it cannot be made here, and why.
    """
    row = database.row("SELECT manifest FROM carried WHERE digest = ?", (digest,))
    if row is None:
        return False

    def read(file: str) -> Iterator[bytes]:
        number = 0
        while part := database.row("SELECT data FROM carried_part WHERE file = ? AND number = ?", (file, number)):
            yield bytes(part[0])
            number += 1

    try:
        manifest = _decoder.decode(row[0])
    except msgspec.DecodeError as error:
        raise ProjectError(f"The revision {digest[:12]} was shared by another version of Hotplate: {error}") from error
    restore(home, manifest, read)
    return True


def share_named(home: Home, database: Database) -> list[str]:
    """Share what endpoints name and only this home has. Gives what could not be shared, and why."""
    trouble: list[str] = []
    rows = database.rows(
        "SELECT DISTINCT digest FROM revisions WHERE NOT EXISTS "
        "(SELECT 1 FROM carried WHERE carried.digest = revisions.digest)"
    )
    for row in rows:
        digest = str(row["digest"])
        if (store.path_of(home, digest) / store.RECORD).is_file():
            try:
                share(home, database, digest)
            except (HotplateError, OSError) as error:
                trouble.append(f"the revision {digest[:12]} cannot be shared: {error}")
    return trouble


def sweep(database: Database, now: float | None = None) -> int:
    """Drop what no endpoint names. Gives how many revisions that were."""
    before = (time.time() if now is None else now) - GRACE_S
    with database.transaction():
        dropped = database.run(
            "DELETE FROM carried WHERE created_at < ? AND digest NOT IN (SELECT digest FROM revisions)", (before,)
        )
        used = {
            each.digest
            for row in database.rows("SELECT manifest FROM carried")
            for each in _decoder.decode(row["manifest"]).files
        }
        for row in database.rows("SELECT digest FROM carried_file WHERE used_at < ?", (before,)):
            if row["digest"] not in used:
                database.run("DELETE FROM carried_file WHERE digest = ?", (row["digest"],))
    return dropped
