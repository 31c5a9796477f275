"""What the stores of jobs have in common: the statements that change something, in the SQL that SQLite and PostgreSQL
share. Those that only look are in `lookups.py`, those about webhooks in `outbox.py`.

Everything that belongs to queued jobs is found by partial indexes, so that finished rows cost a lease nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import msgspec

from hotplate.jobs.lookups import Lookups
from hotplate.jobs.outbox import Outbox
from hotplate.jobs.records import (
    Fence,
    Held,
    Job,
    Lease,
    NewJob,
    Outcome,
    Refused,
    Setback,
    State,
    Submitted,
)
from hotplate.jobs.statements import columns, listed, record

FENCED = "WHERE seq = ? AND attempt = ? AND token = ? AND state = 'running' RETURNING hooks"
KEPT = (
    *("endpoint", "id", "method", "path", "priority", "origin", "note", "caller", "hooks"),
    *("run_at", "deadline_at", "created_at"),
)
"""The columns of a new job: those of the record that have its names, then the store's own."""
_own = attrgetter(*KEPT[:-3])
_KEEP = (
    f"INSERT INTO job (state, {listed(KEPT)}) VALUES ('queued', {listed('?' * len(KEPT))})"
    " ON CONFLICT (endpoint, id) DO NOTHING RETURNING seq"
)
LEASED = columns(Lease, "fence")
COUNTS = {"failure": "failures", "crash": "crashes", "loss": "losses"}
_encode = msgspec.json.Encoder().encode


class SqlStore(Lookups, Outbox):
    """The operations of `jobs.store.Store`."""

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
        row = self._run(_KEEP, (*_own(new), now, deadline, wall)).fetchone()
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

    # -- running

    def lease(self, endpoint: str, owner: str, limit: int) -> list[Lease]:
        """Take what is due."""
        now = self._clock.now_ms()
        self._run(
            "UPDATE job SET state = 'queued' WHERE endpoint = ? AND state = 'retrying' AND run_at <= ?", (endpoint, now)
        )
        due = (
            f"SELECT seq, attempt + 1, hooks, {listed(LEASED)} FROM job JOIN input USING (seq)"
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
        for row in rows:
            self._announce("started", row[0], row[2])
        return [
            record(Lease, ("fence", *LEASED), (Fence(row[0], row[1], token), *row[3:]))
            for token, row in zip(tokens, rows, strict=True)
        ]

    def renew(self, fences: Sequence[Fence]) -> list[Fence]:
        """Add a beat to each lease."""
        return [fence for fence in fences if self._write("beat = beat + 1", (), fence) is None]

    def progress(self, fence: Fence, fraction: float | None, text: str) -> bool:
        """Note how far an attempt is."""
        return self._write("progress = ?, progress_text = ?", (fraction, text), fence) is not None

    def finish(self, fence: Fence, outcome: Outcome) -> bool:
        """End a job."""
        now = self._clock.now_ms()
        counted = COUNTS.get(outcome.cause or "", "")
        hooks = self._write(
            "state = ?, token = NULL, finished_at = ?, code = ?, error = ?, last_output = ?, status = ?,"
            " has_result = 1, keep_until = ?" + (f", {counted} = {counted} + 1" if counted else ""),
            (
                outcome.state,
                self._wall_s(),
                outcome.code,
                outcome.error,
                outcome.last_output,
                outcome.status,
                self._keep_rows_until(),
            ),
            fence,
        )
        if hooks is not None:
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
            self._announce(outcome.state, fence.seq, hooks)
        return hooks is not None

    def set_back(self, fence: Fence, setback: Setback) -> bool:
        """Let a job wait for its next attempt."""
        counted = COUNTS.get(setback.cause, "")
        hooks = self._write(
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
        if hooks and setback.cause != "release":
            self._announce("retrying", fence.seq, hooks)
        return hooks is not None

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
            " WHERE seq = ? AND attempt = ? AND token = ? AND state = 'running' AND beat = ?"
            " RETURNING state, hooks",
            (
                now,
                limit,
                limit,
                self._wall_s(),
                limit,
                self._keep_rows_until(),
                fence.seq,
                fence.attempt,
                fence.token,
                held.beat,
            ),
        ).fetchone()
        if changed is None:
            return None
        self._announce("dead" if changed[0] == "dead" else "retrying", fence.seq, changed[1])
        return changed[0]

    def _write(self, what: str, values: tuple[Any, ...], fence: Fence) -> str | None:
        """Change a running job, if the fence still holds. Gives its webhooks; None: it changed nothing."""
        statement = f"UPDATE job SET {what} {FENCED}"
        row = self._run(statement, (*values, fence.seq, fence.attempt, fence.token)).fetchone()
        return None if row is None else row[0]

    # -- from outside an attempt

    def cancel(self, endpoint: str, job_id: str) -> tuple[Job | None, bool]:
        """Cancel a job that has not ended."""
        row = self._run(
            "UPDATE job SET state = 'cancelled', token = NULL, finished_at = ?, keep_until = ?, code = 'cancelled',"
            " error = '' WHERE endpoint = ? AND id = ? AND state IN ('queued', 'retrying', 'running')"
            " RETURNING seq, hooks",
            (self._wall_s(), self._keep_rows_until(), endpoint, job_id),
        ).fetchone()
        if row is not None:
            self._run("DELETE FROM input WHERE seq = ?", row[:1])
            self._announce("cancelled", *row)
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
        rows = self._run(
            "UPDATE job SET state = 'failed', finished_at = ?, keep_until = ?, code = 'deadline_exceeded',"
            " error = 'The deadline passed before the job could run.'"
            " WHERE endpoint = ? AND deadline_at <= ? AND state IN ('queued', 'retrying') RETURNING seq, hooks, id",
            (self._wall_s(), self._keep_rows_until(), endpoint, self._clock.now_ms()),
        ).fetchall()
        for row in rows:
            self._announce("failed", *row[:2])
        return [row[2] for row in rows]

    def end_waiting(self, endpoint: str, code: str, reason: str) -> list[str]:
        """End every job that waits."""
        what = "SET state = 'cancelled', finished_at = ?, keep_until = ?, code = ?, error = ?"
        rows: list[Any] = []
        for state in ("queued", "retrying"):
            rows += self._run(
                f"UPDATE job{self._by(f'job_{state}')} {what} WHERE endpoint = ? AND state = '{state}'"
                " RETURNING seq, hooks, id",
                (self._wall_s(), self._keep_rows_until(), code, reason, endpoint),
            ).fetchall()
        for row in rows:
            self._announce("cancelled", *row[:2])
        self._many("DELETE FROM input WHERE seq = ?", [row[:1] for row in rows])
        return [row[2] for row in rows]

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
        told = self._run("DELETE FROM webhook WHERE keep_until <= ?", (now,))
        return len(results) + len(rows) + keys.rowcount + told.rowcount
