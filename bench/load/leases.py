"""Take jobs from a SQLite store with so many finished ones: `python -m bench.load.leases FOLDER FINISHED`.

The finished rows are made once and kept in FOLDER. Writes a JSON object with the µs of a lease: the median and the
least of the statements alone, in transactions that are undone, and the median of whole ones with their flush.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import sys
import time
from contextlib import closing
from pathlib import Path

from hotplate.jobs.records import Lease, NewJob
from hotplate.jobs.sqlite import SqliteStore

ENDPOINT = "bench"
WAITING = 100
REPEATS = 2000
COMMITTED = 200
FILL = (
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    " INSERT INTO job (endpoint, id, method, path, state, priority, attempt, run_at, keep_until, created_at,"
    " started_at, finished_at, status, has_result, origin)"
    " SELECT '{endpoint}', hex(randomblob(16)), 'POST', '/infer', 'completed', 3, 1, 0, 9e15, 0.0, 0.0, 0.0, 200, 1,"
    " 'http' FROM n",
    "INSERT INTO output (seq, status, headers, keep_until, blob, body_bytes, body)"
    " SELECT seq, 200, '[[\"content-type\",\"application/json\"]]', 9e15, '', 100, zeroblob(100) FROM job",
)


def filled(path: Path, finished: int) -> SqliteStore:
    """A store with so many finished jobs, and WAITING ones behind them."""
    if not path.exists():
        beside = path.with_suffix(".making")
        for left in path.parent.glob(f"{beside.name}*"):
            left.unlink()
        store = SqliteStore(beside)
        with closing(sqlite3.connect(beside)) as db, db:
            for statement in FILL if finished else ():
                db.execute(statement.format(count=finished, endpoint=ENDPOINT))
        store.close()
        beside.rename(path)
    store = SqliteStore(path)
    store.begin()
    for number in range(WAITING):
        store.submit(NewJob(id=f"waiting-{number}", endpoint=ENDPOINT, method="POST", path="/infer", body=b"{}"), 10**9)
    store.commit()
    return store


def take(store: SqliteStore) -> list[Lease]:
    """What a runner asks in one transaction."""
    store.overdue(ENDPOINT)
    leases = store.lease(ENDPOINT, "me", 1)
    store.next_due_s(ENDPOINT)
    return leases


def main() -> None:
    """Measure."""
    folder, finished = Path(sys.argv[1]), int(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    store = filled(folder / f"{finished}.db", finished)
    took: list[float] = []
    for _ in range(REPEATS):
        begun = time.perf_counter_ns()
        store.begin()
        leases = take(store)
        took.append((time.perf_counter_ns() - begun) / 1e3)
        assert len(leases) == 1
        store.rollback()
    committed: list[float] = []
    for _ in range(COMMITTED):
        begun = time.perf_counter_ns()
        store.begin()
        (lease,) = take(store)
        store.commit()
        committed.append((time.perf_counter_ns() - begun) / 1e3)
        store.begin()
        store.cancel(ENDPOINT, lease.id)
        store.forget(ENDPOINT, lease.id)
        store.submit(NewJob(id=lease.id, endpoint=ENDPOINT, method="POST", path="/infer", body=b"{}"), 10**9)
        store.commit()
    store.close()
    told = {"lease_us": statistics.median(took), "best_us": min(took), "committed_us": statistics.median(committed)}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
