"""What the stores of jobs have in common: the statements, in the SQL that SQLite and PostgreSQL share.

A database adds its connection, its schema and its clock. Everything that belongs to queued jobs is found by partial
indexes, so that finished rows cost a lease nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Protocol, cast

import msgspec

from hotplate.jobs.clock import Clock
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

FENCED = "WHERE seq = ? AND attempt = ? AND token = ? AND state = 'running'"
JOB_FIELDS = tuple(name for name in Job.__struct_fields__)
JOB_COLUMNS = ", ".join(JOB_FIELDS)
COUNTS = {"failure": "failures", "crash": "crashes", "loss": "losses"}
_encode = msgspec.json.Encoder().encode
_decode_headers = msgspec.json.Decoder(tuple[tuple[str, str], ...]).decode


class Rows(Protocol):
    """What a statement gives."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""
        ...

    def fetchone(self) -> Any:
        """The first row."""
        ...

    def fetchall(self) -> list[Any]:
        """Every row."""
        ...


class SqlStore:
    """The operations of `jobs.store.Store`. Statements have `?` where their values go."""

    SKIP_LOCKED: ClassVar[str] = ""
    """What a lease adds to its choice of rows, where several may choose at once."""

    _clock: Clock

    def __init__(self, retention: Retention | None) -> None:
        self._retention = retention or Retention()
        self._depths: dict[str, int] = {}

    def _run(self, statement: str, values: Sequence[Any] = ()) -> Rows:
        """Run one statement."""
        raise NotImplementedError

    def _many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for many rows of values."""
        raise NotImplementedError

    def _wall_s(self) -> float:
        """The time to show, in seconds since 1970."""
        raise NotImplementedError

    # -- submitting

    def submit(self, new: NewJob, most: int) -> Submitted | Refused:
        """Keep a new job."""
        now, wall = self._clock.now_ms(), self._wall_s()
        if new.key:
            known = self._known(new, now)
            if known is not None:
                return known
        if self._waiting(new.endpoint, most) >= most:
            return Refused("job_queue_full")
        deadline = None if new.deadline_s is None else now + round(new.deadline_s * 1000)
        row = self._run(
            "INSERT INTO job"
            " (endpoint, id, method, path, state, priority, run_at, deadline_at, created_at, origin, note)"
            " VALUES (?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?) ON CONFLICT (endpoint, id) DO NOTHING RETURNING seq",
            (
                new.endpoint,
                new.id,
                new.method,
                new.path,
                new.priority,
                now,
                deadline,
                wall,
                new.origin,
                new.note,
            ),
        ).fetchone()
        if row is None:  # an id of the caller's own, seen before
            job = self.get(new.endpoint, new.id)
            assert job is not None
            return Submitted(new.id, created=False, state=job.state)
        self._run(
            "INSERT INTO input (seq, meta, blob, body_bytes, body) VALUES (?, ?, ?, ?, ?)",
            (row[0], new.meta, new.blob, new.body_bytes or len(new.body), new.body),
        )
        if new.key:
            self._run(
                "INSERT INTO idempotency (endpoint, key, digest, id, keep_until) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (endpoint, key) DO UPDATE SET"
                " digest = excluded.digest, id = excluded.id, keep_until = excluded.keep_until",
                (new.endpoint, new.key, new.digest, new.id, now + round(self._retention.keys_s * 1000)),
            )
        self._depths[new.endpoint] += 1
        return Submitted(new.id, created=True, state="queued", created_at=wall)

    def _known(self, new: NewJob, now: int) -> Submitted | Refused | None:
        found = self._run(
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
        return self._run(f"SELECT count(*) FROM job WHERE {where}", (endpoint,)).fetchone()[0]  # noqa: S608

    # -- running

    def lease(self, endpoint: str, owner: str, limit: int) -> list[Lease]:
        """Take what is due."""
        now = self._clock.now_ms()
        self._run(
            "UPDATE job SET state = 'queued' WHERE endpoint = ? AND state = 'retrying' AND run_at <= ?", (endpoint, now)
        )
        due = (
            "SELECT seq, attempt + 1, id, method, path, meta, body, blob, body_bytes, failures, crashes, losses,"
            " deadline_at, origin FROM job JOIN input USING (seq)"
            " WHERE endpoint = ? AND state = 'queued' AND (deadline_at IS NULL OR deadline_at > ?)"
            " ORDER BY priority, seq LIMIT ?"
        )
        rows = self._run(due + self.SKIP_LOCKED, (endpoint, now, limit)).fetchall()
        if not rows:
            return []
        tokens = [secrets.randbits(62) for _ in rows]
        started = self._wall_s()
        self._many(
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
                self._wall_s(),
                outcome.code,
                outcome.error,
                outcome.last_output,
                outcome.status,
                now + round(self._retention.rows_s * 1000),
            ),
            fence,
        )
        if done:
            self._run(
                "INSERT INTO output (seq, status, headers, keep_until, blob, body_bytes, body)"
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
                self._run("DELETE FROM input WHERE seq = ?", (fence.seq,))
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
        changed = self._run(
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
                self._wall_s(),
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
        return self._run(statement, (*values, fence.seq, fence.attempt, fence.token)).rowcount == 1

    # -- from outside an attempt

    def cancel(self, endpoint: str, job_id: str) -> tuple[Job | None, bool]:
        """Cancel a job that has not ended."""
        row = self._run(
            "UPDATE job SET state = 'cancelled', token = NULL, finished_at = ?, keep_until = ?, code = 'cancelled',"
            " error = '' WHERE endpoint = ? AND id = ? AND state IN ('queued', 'retrying', 'running') RETURNING seq",
            (self._wall_s(), self._clock.now_ms() + round(self._retention.rows_s * 1000), endpoint, job_id),
        ).fetchone()
        if row is not None:
            self._run("DELETE FROM input WHERE seq = ?", row)
        return self.get(endpoint, job_id), row is not None

    def revive(self, endpoint: str, job_id: str) -> tuple[Job | None, bool]:
        """Let a failed or dead job run again."""
        row = self._run(
            "UPDATE job SET state = 'queued', failures = 0, crashes = 0, losses = 0, run_at = ?, deadline_at = NULL,"
            " finished_at = NULL, keep_until = NULL, has_result = 0, status = NULL, code = '', error = ''"
            " WHERE endpoint = ? AND id = ? AND state IN ('failed', 'dead')"
            " AND EXISTS (SELECT 1 FROM input WHERE input.seq = job.seq) RETURNING seq",
            (self._clock.now_ms(), endpoint, job_id),
        ).fetchone()
        if row is not None:
            self._run("DELETE FROM output WHERE seq = ?", row)
        return self.get(endpoint, job_id), row is not None

    def forget(self, endpoint: str, job_id: str) -> bool:
        """Drop a job that has ended."""
        row = self._run(
            "DELETE FROM job WHERE endpoint = ? AND id = ? AND state IN ('completed', 'failed', 'dead', 'cancelled')"
            " RETURNING seq",
            (endpoint, job_id),
        ).fetchone()
        if row is not None:
            self._run("DELETE FROM input WHERE seq = ?", (row[0],))
            self._run("DELETE FROM output WHERE seq = ?", (row[0],))
        return row is not None

    def overdue(self, endpoint: str) -> list[str]:
        """End what waited past its deadline."""
        now = self._clock.now_ms()
        rows = self._run(
            "UPDATE job SET state = 'failed', finished_at = ?, keep_until = ?, code = 'deadline_exceeded',"
            " error = 'The deadline passed before the job could run.'"
            " WHERE endpoint = ? AND deadline_at <= ? AND state IN ('queued', 'retrying') RETURNING id",
            (self._wall_s(), now + round(self._retention.rows_s * 1000), endpoint, now),
        ).fetchall()
        return [row[0] for row in rows]

    def sweep(self, limit: int) -> int:
        """Drop what has been kept long enough."""
        now = self._clock.now_ms()
        results = self._run(
            "DELETE FROM output WHERE seq IN (SELECT seq FROM output WHERE keep_until <= ? LIMIT ?) RETURNING seq",
            (now, limit),
        ).fetchall()
        self._many("UPDATE job SET has_result = 0 WHERE seq = ?", results)
        rows = self._run(
            "DELETE FROM job WHERE seq IN (SELECT seq FROM job WHERE keep_until <= ? LIMIT ?) RETURNING seq",
            (now, limit),
        ).fetchall()
        self._many("DELETE FROM input WHERE seq = ?", rows)
        self._many("DELETE FROM output WHERE seq = ?", rows)
        keys = self._run("DELETE FROM idempotency WHERE keep_until <= ?", (now,))
        return len(results) + len(rows) + keys.rowcount

    # -- looking

    def blobs(self) -> set[str]:
        """Every blob that something names."""
        names = "SELECT blob FROM input WHERE blob <> '' UNION SELECT blob FROM output WHERE blob <> ''"
        return {row[0] for row in self._run(names).fetchall()}

    def held(self) -> list[Held]:
        """Every lease."""
        rows = self._run("SELECT seq, attempt, token, beat, owner FROM job WHERE state = 'running'").fetchall()
        return [Held(Fence(seq, attempt, token), beat, owner) for seq, attempt, token, beat, owner in rows]

    def next_due_s(self, endpoint: str) -> float | None:
        """Seconds until the next retry or deadline."""
        found = self._run(
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
        row = self._run(where, (endpoint, job_id)).fetchone()
        return None if row is None else _job(row)

    def result(self, endpoint: str, job_id: str) -> Result | None:
        """A kept answer."""
        row = self._run(
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
        return [_job(row) for row in self._run(text, (*values, wanted.limit)).fetchall()]

    def depth(self, endpoint: str) -> Depth:
        """Counts for metrics."""
        waiting = self._count(endpoint, "queued") + self._count(endpoint, "retrying")
        oldest = self._run(
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
