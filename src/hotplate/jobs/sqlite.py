"""Jobs in one SQLite file: WAL with synchronous=FULL, so that what was committed survives a loss of power.

Writers of several processes take turns (BEGIN IMMEDIATE); readers never wait. Everything that belongs to queued jobs
is found by partial indexes, so that finished rows cost a lease nothing.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from hotplate.errors import StorageFull
from hotplate.jobs.clock import Clock, SteadyClock, boot_id, fresh_offset_ms
from hotplate.jobs.records import (
    Depth,
    Fence,
    Filter,
    Held,
    Job,
    Lease,
    NewJob,
    Outcome,
    Refused,
    Result,
    Setback,
    State,
    Submitted,
)
from hotplate.jobs.retention import Retention
from hotplate.jobs.schema import migrate

BUSY_TIMEOUT_S = 10.0
SYNCHRONOUS = "FULL"
"""Each commit is flushed. With NORMAL a loss of power would take back jobs that were acknowledged."""
WAL_BYTES = 64 * 1024 * 1024
FENCED = "WHERE seq = ? AND attempt = ? AND token = ? AND state = 'running'"
JOB_FIELDS = tuple(name for name in Job.__struct_fields__)
JOB_COLUMNS = ", ".join(JOB_FIELDS)
COUNTS = {"failure": "failures", "crash": "crashes", "loss": "losses"}
_encode = msgspec.json.Encoder().encode
_decode_headers = msgspec.json.Decoder(tuple[tuple[str, str], ...]).decode


class SqliteStore:
    """One connection to the file. `clock` is for tests; without it the machine's steady clock is used."""

    def __init__(self, path: Path, *, retention: Retention | None = None, clock: Clock | None = None) -> None:
        self._retention = retention or Retention()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        try:
            for pragma in (
                "journal_mode = WAL",
                f"synchronous = {SYNCHRONOUS}",
                "temp_store = MEMORY",
                f"journal_size_limit = {WAL_BYTES}",
            ):
                self._db.execute(f"PRAGMA {pragma}")
            migrate(self._db)
            self._clock = clock or _shared_clock(self._db)
        except BaseException:
            self._db.close()
            raise
        path.chmod(0o600)
        self._depths: dict[str, int] = {}

    # -- transactions

    def begin(self) -> None:
        """Begin a transaction."""
        self._guarded("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Make it durable. Raises StorageFull, or what SQLite says."""
        self._guarded("COMMIT")

    def rollback(self) -> None:
        """Undo it."""
        self._depths.clear()
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _guarded(self, statement: str) -> None:
        try:
            self._db.execute(statement)
        except sqlite3.OperationalError as error:
            raise storage_error(error) from error

    # -- submitting

    def submit(self, new: NewJob, most: int) -> Submitted | Refused:
        """Keep a new job."""
        now = self._clock.now_ms()
        if new.key:
            known = self._known(new, now)
            if known is not None:
                return known
        if self._waiting(new.endpoint, most) >= most:
            return Refused("job_queue_full")
        deadline = None if new.deadline_s is None else now + round(new.deadline_s * 1000)
        row = self._db.execute(
            "INSERT INTO job"
            " (endpoint, id, method, path, state, priority, run_at, deadline_at, created_at, origin, note)"
            " VALUES (?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?) ON CONFLICT (endpoint, id) DO NOTHING",
            (
                new.endpoint,
                new.id,
                new.method,
                new.path,
                new.priority,
                now,
                deadline,
                time.time(),
                new.origin,
                new.note,
            ),
        )
        if not row.rowcount:  # an id of the caller's own, seen before
            job = self.get(new.endpoint, new.id)
            assert job is not None
            return Submitted(new.id, created=False, state=job.state)
        self._db.execute(
            "INSERT INTO input (seq, meta, blob, body_bytes, body) VALUES (?, ?, ?, ?, ?)",
            (row.lastrowid, new.meta, new.blob, new.body_bytes or len(new.body), new.body),
        )
        if new.key:
            self._db.execute(
                "INSERT OR REPLACE INTO idempotency (endpoint, key, digest, id, keep_until) VALUES (?, ?, ?, ?, ?)",
                (new.endpoint, new.key, new.digest, new.id, now + round(self._retention.keys_s * 1000)),
            )
        self._depths[new.endpoint] += 1
        return Submitted(new.id, created=True, state="queued")

    def _known(self, new: NewJob, now: int) -> Submitted | Refused | None:
        found = self._db.execute(
            "SELECT digest, id FROM idempotency WHERE endpoint = ? AND key = ? AND keep_until > ?",
            (new.endpoint, new.key, now),
        ).fetchone()
        if found is None:
            return None
        if found[0] != new.digest:
            return Refused("idempotency_conflict")
        job = self.get(new.endpoint, found[1])
        return None if job is None else Submitted(job.id, created=False, state=job.state)

    def _waiting(self, endpoint: str, most: int) -> int:
        """How many wait, at most: counted only when the number that was counted last has grown to the limit."""
        waiting = self._depths.get(endpoint)
        if waiting is None or waiting >= most:
            waiting = self._depths[endpoint] = self._count(endpoint, "queued") + self._count(endpoint, "retrying")
        return waiting

    def _count(self, endpoint: str, state: str) -> int:
        # The state stands in the text: only then does SQLite use the partial index.
        where = f"endpoint = ? AND state = '{state}'"
        return self._db.execute(f"SELECT count(*) FROM job WHERE {where}", (endpoint,)).fetchone()[0]  # noqa: S608

    # -- running

    def lease(self, endpoint: str, owner: str, limit: int) -> list[Lease]:
        """Take what is due."""
        now = self._clock.now_ms()
        db = self._db
        db.execute(
            "UPDATE job SET state = 'queued' WHERE endpoint = ? AND state = 'retrying' AND run_at <= ?", (endpoint, now)
        )
        rows = db.execute(
            "SELECT seq, attempt + 1, id, method, path, meta, body, blob, body_bytes, failures, crashes, losses,"
            " deadline_at, origin FROM job JOIN input USING (seq)"
            " WHERE endpoint = ? AND state = 'queued' AND (deadline_at IS NULL OR deadline_at > ?)"
            " ORDER BY priority, seq LIMIT ?",
            (endpoint, now, limit),
        ).fetchall()
        if not rows:
            return []
        tokens = [secrets.randbits(62) for _ in rows]
        started = time.time()
        db.executemany(
            "UPDATE job SET state = 'running', attempt = attempt + 1, token = ?, beat = 0, owner = ?, progress = NULL,"
            " progress_text = '', started_at = coalesce(started_at, ?) WHERE seq = ?",
            [(token, owner, started, row[0]) for token, row in zip(tokens, rows, strict=True)],
        )
        return [
            Lease(
                fence=Fence(row[0], row[1], token),
                id=row[2],
                method=row[3],
                path=row[4],
                meta=row[5],
                body=row[6],
                blob=row[7],
                body_bytes=row[8],
                failures=row[9],
                crashes=row[10],
                losses=row[11],
                deadline_at=row[12],
                origin=row[13],
            )
            for token, row in zip(tokens, rows, strict=True)
        ]

    def renew(self, fences: Sequence[Fence]) -> list[Fence]:
        """Add a beat to each lease."""
        return [fence for fence in fences if not self._write("beat = beat + 1", (), fence)]

    def progress(self, fence: Fence, fraction: float | None, text: str) -> bool:
        """Note how far an attempt is."""
        return self._write("progress = ?, progress_text = ?", (fraction, text), fence)

    def finish(self, fence: Fence, outcome: Outcome) -> bool:
        """End a job."""
        now = self._clock.now_ms()
        counted = COUNTS.get(outcome.cause or "", "")
        done = self._write(
            "state = ?, token = NULL, finished_at = ?, code = ?, error = ?, last_output = ?, status = ?,"
            " has_result = 1, keep_until = ?" + (f", {counted} = {counted} + 1" if counted else ""),
            (
                outcome.state,
                time.time(),
                outcome.code,
                outcome.error,
                outcome.last_output,
                outcome.status,
                now + round(self._retention.rows_s * 1000),
            ),
            fence,
        )
        if done:
            self._db.execute(
                "INSERT OR REPLACE INTO output (seq, status, headers, keep_until, blob, body_bytes, body)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    fence.seq,
                    outcome.status,
                    _encode(outcome.headers).decode(),
                    now + round(self._retention.results_s * 1000),
                    outcome.blob,
                    outcome.body_bytes or len(outcome.body),
                    outcome.body,
                ),
            )
            if outcome.state == "completed":
                self._db.execute("DELETE FROM input WHERE seq = ?", (fence.seq,))
        return done

    def set_back(self, fence: Fence, setback: Setback) -> bool:
        """Let a job wait for its next attempt."""
        counted = COUNTS.get(setback.cause, "")
        return self._write(
            "state = ?, token = NULL, run_at = ?, code = ?, error = ?, last_output = ?"
            + (f", {counted} = {counted} + 1" if counted else ""),
            (
                "retrying" if setback.delay_s > 0 else "queued",
                self._clock.now_ms() + round(setback.delay_s * 1000),
                setback.code,
                setback.error,
                setback.last_output,
            ),
            fence,
        )

    def expire(self, held: Held, limit: int) -> State | None:
        """End a lease whose beat stands still."""
        fence = held.fence
        now = self._clock.now_ms()
        changed = self._db.execute(
            "UPDATE job SET losses = losses + 1, token = NULL, run_at = ?,"
            " state = CASE WHEN losses + 1 >= ? THEN 'dead' ELSE 'queued' END,"
            " code = 'attempt_lost', error = 'The server that ran this attempt stopped.',"
            " finished_at = CASE WHEN losses + 1 >= ? THEN ? END,"
            " keep_until = CASE WHEN losses + 1 >= ? THEN ? END"
            " WHERE seq = ? AND attempt = ? AND token = ? AND state = 'running' AND beat = ? RETURNING state",
            (
                now,
                limit,
                limit,
                time.time(),
                limit,
                now + round(self._retention.rows_s * 1000),
                fence.seq,
                fence.attempt,
                fence.token,
                held.beat,
            ),
        ).fetchone()
        return changed[0] if changed else None

    def _write(self, what: str, values: tuple[Any, ...], fence: Fence) -> bool:
        """Change a running job, if the fence still holds."""
        statement = f"UPDATE job SET {what} {FENCED}"  # noqa: S608 - `what` is one of our own texts
        row = self._db.execute(statement, (*values, fence.seq, fence.attempt, fence.token))
        return row.rowcount == 1

    # -- from outside an attempt

    def cancel(self, endpoint: str, job_id: str) -> tuple[Job | None, bool]:
        """Cancel a job that has not ended."""
        row = self._db.execute(
            "UPDATE job SET state = 'cancelled', token = NULL, finished_at = ?, keep_until = ?, code = 'cancelled',"
            " error = '' WHERE endpoint = ? AND id = ? AND state IN ('queued', 'retrying', 'running') RETURNING seq",
            (time.time(), self._clock.now_ms() + round(self._retention.rows_s * 1000), endpoint, job_id),
        ).fetchone()
        if row is not None:
            self._db.execute("DELETE FROM input WHERE seq = ?", row)
        return self.get(endpoint, job_id), row is not None

    def revive(self, endpoint: str, job_id: str) -> tuple[Job | None, bool]:
        """Let a failed or dead job run again."""
        row = self._db.execute(
            "UPDATE job SET state = 'queued', failures = 0, crashes = 0, losses = 0, run_at = ?, deadline_at = NULL,"
            " finished_at = NULL, keep_until = NULL, has_result = 0, status = NULL, code = '', error = ''"
            " WHERE endpoint = ? AND id = ? AND state IN ('failed', 'dead')"
            " AND EXISTS (SELECT 1 FROM input WHERE input.seq = job.seq) RETURNING seq",
            (self._clock.now_ms(), endpoint, job_id),
        ).fetchone()
        if row is not None:
            self._db.execute("DELETE FROM output WHERE seq = ?", row)
        return self.get(endpoint, job_id), row is not None

    def overdue(self, endpoint: str) -> list[str]:
        """End what waited past its deadline."""
        now = self._clock.now_ms()
        rows = self._db.execute(
            "UPDATE job SET state = 'failed', finished_at = ?, keep_until = ?, code = 'deadline_exceeded',"
            " error = 'The deadline passed before the job could run.'"
            " WHERE endpoint = ? AND deadline_at <= ? AND state IN ('queued', 'retrying') RETURNING id",
            (time.time(), now + round(self._retention.rows_s * 1000), endpoint, now),
        ).fetchall()
        return [row[0] for row in rows]

    def sweep(self, limit: int) -> int:
        """Drop what has been kept long enough."""
        now = self._clock.now_ms()
        db = self._db
        results = db.execute(
            "DELETE FROM output WHERE seq IN (SELECT seq FROM output WHERE keep_until <= ? LIMIT ?) RETURNING seq",
            (now, limit),
        ).fetchall()
        db.executemany("UPDATE job SET has_result = 0 WHERE seq = ?", results)
        rows = db.execute(
            "DELETE FROM job WHERE seq IN (SELECT seq FROM job WHERE keep_until <= ? LIMIT ?) RETURNING seq",
            (now, limit),
        ).fetchall()
        db.executemany("DELETE FROM input WHERE seq = ?", rows)
        db.executemany("DELETE FROM output WHERE seq = ?", rows)
        keys = db.execute("DELETE FROM idempotency WHERE keep_until <= ?", (now,))
        return len(results) + len(rows) + keys.rowcount

    # -- looking

    def blobs(self) -> set[str]:
        """Every blob that something names."""
        names = "SELECT blob FROM input WHERE blob <> '' UNION SELECT blob FROM output WHERE blob <> ''"
        return {row[0] for row in self._db.execute(names)}

    def held(self) -> list[Held]:
        """Every lease."""
        rows = self._db.execute("SELECT seq, attempt, token, beat, owner FROM job WHERE state = 'running'")
        return [Held(Fence(seq, attempt, token), beat, owner) for seq, attempt, token, beat, owner in rows]

    def next_due_s(self, endpoint: str) -> float | None:
        """Seconds until the next retry or deadline."""
        found = self._db.execute(
            "SELECT min(run_at) FROM job WHERE endpoint = ? AND state = 'retrying' UNION ALL"
            " SELECT min(deadline_at) FROM job WHERE endpoint = ? AND deadline_at IS NOT NULL"
            " AND state IN ('queued', 'retrying')",
            (endpoint, endpoint),
        ).fetchall()
        times: list[int] = [row[0] for row in found if row[0] is not None]
        return max(0.0, (min(times) - self._clock.now_ms()) / 1000) if times else None

    def get(self, endpoint: str, job_id: str) -> Job | None:
        """One job."""
        where = f"SELECT {JOB_COLUMNS} FROM job WHERE endpoint = ? AND id = ?"  # noqa: S608 - our own column names
        row = self._db.execute(where, (endpoint, job_id)).fetchone()
        return None if row is None else _job(row)

    def result(self, endpoint: str, job_id: str) -> Result | None:
        """A kept answer."""
        row = self._db.execute(
            "SELECT o.status, headers, body, blob, body_bytes FROM job JOIN output o USING (seq)"
            " WHERE endpoint = ? AND id = ? AND o.keep_until > ?",
            (endpoint, job_id, self._clock.now_ms()),
        ).fetchone()
        if row is None:
            return None
        return Result(status=row[0], headers=_decode_headers(row[1]), body=row[2], blob=row[3], body_bytes=row[4])

    def list(self, wanted: Filter) -> list[Job]:
        """Jobs, the newest first."""
        where, values = ["endpoint = ?"], cast("list[Any]", [wanted.endpoint])
        if wanted.states:
            where.append(f"state IN ({', '.join('?' * len(wanted.states))})")
            values += wanted.states
        for column, value in (("origin", wanted.origin), ("path", wanted.path)):
            if value:
                where.append(f"{column} = ?")
                values.append(value)
        if wanted.before:
            where.append("seq < ?")
            values.append(wanted.before)
        text = f"SELECT {JOB_COLUMNS} FROM job WHERE {' AND '.join(where)} ORDER BY seq DESC LIMIT ?"  # noqa: S608
        return [_job(row) for row in self._db.execute(text, (*values, wanted.limit))]

    def depth(self, endpoint: str) -> Depth:
        """Counts for metrics."""
        waiting = self._count(endpoint, "queued") + self._count(endpoint, "retrying")
        oldest = self._db.execute(
            "SELECT created_at FROM job WHERE endpoint = ? AND state = 'queued' ORDER BY priority, seq LIMIT 1",
            (endpoint,),
        ).fetchone()
        return Depth(
            waiting=waiting,
            running=self._count(endpoint, "running"),
            oldest=oldest[0] if oldest else None,
            dead=self._count(endpoint, "dead"),
        )


def _job(row: tuple[Any, ...]) -> Job:
    values = dict(zip(JOB_FIELDS, row, strict=True))
    values["has_result"] = bool(values["has_result"])
    return Job(**values)


def _shared_clock(db: sqlite3.Connection) -> SteadyClock:
    """The clock of this boot of the machine; its first process writes the offset down."""
    boot = boot_id()
    db.execute("BEGIN IMMEDIATE")
    found = db.execute("SELECT offset_ms FROM clock WHERE boot = ? AND boot <> ''", (boot,)).fetchone()
    offset: int = found[0] if found else fresh_offset_ms()
    if found is None:
        db.execute("DELETE FROM clock")
        db.execute("INSERT INTO clock (boot, offset_ms) VALUES (?, ?)", (boot, offset))
    db.execute("COMMIT")
    return SteadyClock(offset)


def storage_error(error: sqlite3.OperationalError) -> Exception:
    """What a failed write means: no room left, or the error itself."""
    code = error.sqlite_errorcode & 0xFF
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return StorageFull()
    return error
