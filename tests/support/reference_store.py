"""The reference model of a job store: dictionaries, no database, no threads. What it does is what a store should."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hotplate.jobs.records import Fence, Held, Lease, NewJob, Refused, Setback, Submitted

COUNTS = {"failure": "failures", "crash": "crashes", "loss": "losses"}


class FakeClock:
    def __init__(self) -> None:
        self.ms = 1_000_000

    def now_ms(self) -> int:
        return self.ms


@dataclass
class Row:
    new: NewJob
    seq: int
    run_at: int
    deadline_at: int | None
    state: str = "queued"
    attempt: int = 0
    token: int | None = None
    beat: int = 0
    owner: str = ""
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS.values(), 0))
    progress: tuple[float | None, str] = (None, "")
    code: str = ""
    status: int | None = None
    input: bool = True
    output: bytes | None = None
    output_until: int = 0
    keep_until: int | None = None

    def seen(self) -> dict[str, Any]:
        """What a caller sees of it, as the real store's Job has it."""
        return {
            "id": self.new.id,
            "state": self.state,
            "attempt": self.attempt,
            **self.counts,
            "progress": self.progress[0],
            "progress_text": self.progress[1],
            "code": self.code,
            "status": self.status,
            "has_result": self.output is not None,
            "priority": self.new.priority,
        }


class Reference:
    """One endpoint's jobs."""

    def __init__(self, clock: FakeClock, *, results_ms: int, rows_ms: int, keys_ms: int) -> None:
        self.clock = clock
        self.rows: dict[str, Row] = {}
        self.keys: dict[str, tuple[bytes, str, int]] = {}
        self.results_ms, self.rows_ms, self.keys_ms = results_ms, rows_ms, keys_ms
        self.last_seq = 0

    def submit(self, new: NewJob, most: int) -> Submitted | Refused:
        now = self.clock.ms
        if new.key in self.keys and self.keys[new.key][2] > now and (row := self.rows.get(self.keys[new.key][1])):
            if self.keys[new.key][0] != new.digest:
                return Refused("idempotency_conflict")
            return Submitted(row.new.id, False, row.state)
        if new.key in self.keys and self.keys[new.key][2] > now and self.keys[new.key][0] != new.digest:
            return Refused("idempotency_conflict")
        if sum(row.state in ("queued", "retrying") for row in self.rows.values()) >= most:
            return Refused("job_queue_full")
        if new.id in self.rows:
            return Submitted(new.id, False, self.rows[new.id].state)
        self.last_seq += 1
        deadline = None if new.deadline_s is None else now + round(new.deadline_s * 1000)
        self.rows[new.id] = Row(new, self.last_seq, now, deadline)
        if new.key:
            self.keys[new.key] = (new.digest, new.id, now + self.keys_ms)
        return Submitted(new.id, True, "queued")

    def lease(self, limit: int) -> list[Row]:
        now = self.clock.ms
        for row in self.rows.values():
            if row.state == "retrying" and row.run_at <= now:
                row.state = "queued"
        due = [r for r in self.rows.values() if r.state == "queued" and (r.deadline_at is None or r.deadline_at > now)]
        due.sort(key=lambda row: (row.new.priority, row.seq))
        for row in due[:limit]:
            row.state, row.attempt, row.beat, row.progress = "running", row.attempt + 1, 0, (None, "")
        return due[:limit]

    def current(self, lease: Lease) -> Row | None:
        """The row of a lease that still holds."""
        row = self.rows.get(lease.id)
        if row and row.state == "running" and row.attempt == lease.fence.attempt and row.token == lease.fence.token:
            return row
        return None

    def end(self, row: Row, state: str, code: str = "", status: int | None = None) -> None:
        row.state, row.code, row.status, row.token = state, code, status, None
        row.keep_until = self.clock.ms + self.rows_ms

    def set_back(self, row: Row, setback: Setback) -> None:
        if setback.cause in COUNTS:
            row.counts[COUNTS[setback.cause]] += 1
        row.state = "retrying" if setback.delay_s else "queued"
        row.run_at = self.clock.ms + round(setback.delay_s * 1000)
        row.code, row.token = setback.code, None

    def expire(self, row: Row, held: Held, limit: int) -> str | None:
        if row.state != "running" or (row.token, row.beat) != (held.fence.token, held.beat):
            return None
        row.counts["losses"] += 1
        row.code, row.token, row.run_at = "attempt_lost", None, self.clock.ms
        if row.counts["losses"] >= limit:
            self.end(row, "dead", "attempt_lost")
        else:
            row.state = "queued"
        return row.state

    def cancel(self, job_id: str) -> bool:
        row = self.rows[job_id]
        if row.state not in ("queued", "retrying", "running"):
            return False
        self.end(row, "cancelled", "cancelled", row.status)
        row.input = False
        return True

    def revive(self, job_id: str) -> bool:
        row = self.rows[job_id]
        if row.state not in ("failed", "dead") or not row.input:
            return False
        row.state, row.code, row.status, row.output = "queued", "", None, None
        row.counts = dict.fromkeys(COUNTS.values(), 0)
        row.run_at, row.deadline_at, row.keep_until = self.clock.ms, None, None
        return True

    def overdue(self) -> set[str]:
        found = set()
        for row in self.rows.values():
            due = row.deadline_at is not None and row.deadline_at <= self.clock.ms
            if due and row.state in ("queued", "retrying"):
                self.end(row, "failed", "deadline_exceeded", row.status)
                found.add(row.new.id)
        return found

    def sweep(self) -> None:
        now = self.clock.ms
        for row in self.rows.values():
            if row.output is not None and row.output_until <= now:
                row.output = None
        self.rows = {name: r for name, r in self.rows.items() if r.keep_until is None or r.keep_until > now}
        self.keys = {key: value for key, value in self.keys.items() if value[2] > now}

    def seen(self) -> list[dict[str, Any]]:
        return [row.seen() for row in sorted(self.rows.values(), key=lambda row: -row.seq)]


def stale(fence: Fence) -> Fence:
    """The same attempt by somebody who guesses."""
    return Fence(fence.seq, fence.attempt, fence.token + 1)
