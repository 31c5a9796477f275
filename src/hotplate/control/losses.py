"""Whether the records of an installation are those that its snapshot was made of.

The snapshot is what calls are answered from. A database that was lost, or is an older copy, must not take it away in
silence: what was lost can be put back as long as nothing was published over it.
"""

from __future__ import annotations

import sqlite3

from hotplate.control.log import log
from hotplate.control.plane import Plane
from hotplate.control.sqlite import REPAIR, is_damaged
from hotplate.deployment import snapshot as snapshots
from hotplate.errors import PlatformError


def check_not_lost(plane: Plane) -> None:
    """Look at it before anything is published.

    Raises:
        PlatformError: the database is damaged, or knows nothing while the snapshot has endpoints.
    """
    if plane.database.shared:
        return
    try:
        served = snapshots.read(plane.home.snapshot)
    except PlatformError:  # it is written anew
        return
    path = plane.home.control_db
    try:
        row = plane.database.row("SELECT value FROM meta WHERE key = 'snapshot'")
    except sqlite3.DatabaseError as error:
        if is_damaged(error):
            raise PlatformError(f"{path} is damaged ({error}). {REPAIR}") from error
        raise
    if row is None and served.endpoints:
        names = [spec.name for spec in served.endpoints]
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        raise PlatformError(
            f"{path} is empty, though {shown} {'is' if len(names) == 1 else 'are'} served: it was lost, or copied "
            f"without its control.db-wal. {REPAIR} To begin anew with nothing, remove {plane.home.snapshot}."
        )
    if row is not None and row[0] < served.number:
        text = f"{path} is older than what was served (change {row[0]} of {served.number}): what changed since is lost."
        log("warning", text)
