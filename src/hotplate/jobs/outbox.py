"""The outbox of webhooks: a message is written in the transaction that changed its job, and sent from here later.

So no change is told of that did not happen, and none that happened is forgotten, whatever is killed. A message is
claimed by moving the time at which it is due again; whoever claims it next has the next attempt's number.
"""

from __future__ import annotations

import secrets
from typing import Any

import msgspec

from hotplate.jobs.documents import message
from hotplate.jobs.lookups import JOB, read_job
from hotplate.jobs.records import Delivery, DeliveryState, Event, Hook
from hotplate.jobs.statements import Statements, columns, listed, record

DELIVERY = columns(Delivery)
_read_hooks = msgspec.json.Decoder(tuple[Hook, ...]).decode


class Outbox(Statements):
    """The operations of `jobs.store.Store` about webhooks."""

    def _announce(self, event: Event, seq: int, hooks: str) -> None:
        """Write a message for each of a job's webhooks that wants to know of an event."""
        if not hooks:
            return
        wanted = [hook for hook in _read_hooks(hooks) if event in hook.events]
        if not wanted:
            return
        row = self._run(f"SELECT {listed(JOB)} FROM job WHERE seq = ?", (seq,)).fetchone()
        job = read_job(row)
        now, wall = self._clock.now_ms(), self._wall_s()
        payload = message(job, event, wall)
        for hook in wanted:
            self._run(
                "INSERT INTO webhook (id, endpoint, job, event, url, payload, run_at, created_at, keep_until)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    f"msg_{secrets.token_hex(16)}",
                    job.endpoint,
                    job.id,
                    event,
                    hook.url,
                    payload,
                    now,
                    wall,
                    self._keep_rows_until(),
                ),
            )

    def due(self) -> bool:
        """Whether a message is due."""
        text = "SELECT 1 FROM webhook WHERE state = 'waiting' AND run_at <= ? LIMIT 1"
        return self._run(text, (self._clock.now_ms(),)).fetchone() is not None

    def claim(self, limit: int, again_s: float) -> list[Delivery]:
        """Take messages that are due."""
        now = self._clock.now_ms()
        due = "SELECT seq FROM webhook WHERE state = 'waiting' AND run_at <= ? ORDER BY run_at LIMIT ?"
        rows = self._run(
            f"UPDATE webhook SET attempt = attempt + 1, run_at = ? WHERE seq IN ({due}{self.SKIP_LOCKED_ROWS})"
            f" RETURNING {listed(DELIVERY)}",
            (now + round(again_s * 1000), now, limit),
        ).fetchall()
        return [_delivery(row) for row in rows]

    def delivered(self, delivery: Delivery, status: int) -> bool:
        """A message was taken."""
        return self._settle(
            "state = 'delivered', status = ?, error = '', ended_at = ?", (status, self._wall_s()), delivery
        )

    def missed(self, delivery: Delivery, status: int | None, error: str, delay_s: float | None) -> bool:
        """An attempt failed."""
        if delay_s is None:
            what, value = "state = 'failed', status = ?, error = ?, ended_at = ?", self._wall_s()
        else:
            what, value = "status = ?, error = ?, run_at = ?", self._clock.now_ms() + round(delay_s * 1000)
        return self._settle(what, (status, error, value), delivery)

    def _settle(self, what: str, values: tuple[Any, ...], delivery: Delivery) -> bool:
        statement = f"UPDATE webhook SET {what} WHERE id = ? AND attempt = ? AND state = 'waiting'"
        return self._run(statement, (*values, delivery.id, delivery.attempt)).rowcount == 1

    def deliveries(
        self, endpoint: str, *, job: str = "", state: DeliveryState | None = None, limit: int = 50
    ) -> list[Delivery]:
        """Messages, the newest first."""
        where, values = "endpoint = ?", [endpoint]
        for column, value in (("job", job), ("state", state)):
            if value:
                where += f" AND {column} = ?"
                values.append(value)
        text = f"SELECT {listed(DELIVERY)} FROM webhook WHERE {where} ORDER BY seq DESC LIMIT ?"
        return [_delivery(row) for row in self._run(text, (*values, limit)).fetchall()]

    def redeliver(self, endpoint: str, delivery_id: str) -> Delivery | None:
        """Let a message be sent again. It keeps its id, by which a receiver knows it."""
        what = "state = 'waiting', run_at = ?, ended_at = NULL, keep_until = ?"
        row = self._run(
            f"UPDATE webhook SET {what} WHERE endpoint = ? AND id = ? RETURNING {listed(DELIVERY)}",
            (self._clock.now_ms(), self._keep_rows_until(), endpoint, delivery_id),
        ).fetchone()
        return None if row is None else _delivery(row)


def _delivery(row: Any) -> Delivery:
    return record(Delivery, DELIVERY, row)
