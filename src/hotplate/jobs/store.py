"""What every store of jobs can do. One conformance suite and one state machine hold for all of them.

A store is used by one thread at a time. Its methods run inside a transaction that the caller begins and commits, so
that many of them share one flush to disk (`jobs/desk.py`); when `commit` returns, all of it is on disk.

Leases carry no time: whoever holds one renews it, which adds one to its `beat`, and whoever watches measures with
its own monotonic clock how long a beat has stood still. So no change of a wall clock ends a lease.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hotplate.jobs.records import (
    Delivery,
    DeliveryState,
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


class Store(Protocol):
    """Jobs on disk. Methods that take a Fence do nothing and give False when the fence is stale."""

    def begin(self) -> None:
        """Begin a transaction."""
        ...

    def commit(self) -> None:
        """Make the transaction durable. Raises StorageFull, or the database's own error."""
        ...

    def rollback(self) -> None:
        """Undo the transaction."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...

    def submit(self, new: NewJob, most: int) -> Submitted | Refused:
        """Keep a new job, unless its key is known or `most` jobs of its endpoint already wait."""
        ...

    def lease(self, endpoint: str, owner: str, limit: int) -> list[Lease]:
        """Take up to `limit` jobs that are due: by priority, then in the order in which they came."""
        ...

    def renew(self, fences: Sequence[Fence]) -> list[Fence]:
        """Say that attempts go on. Gives those whose lease is lost."""
        ...

    def progress(self, fence: Fence, fraction: float | None, text: str) -> bool:
        """Note how far an attempt is."""
        ...

    def finish(self, fence: Fence, outcome: Outcome) -> bool:
        """End a job with an answer."""
        ...

    def set_back(self, fence: Fence, setback: Setback) -> bool:
        """End an attempt and let the job wait for another."""
        ...

    def expire(self, held: Held, limit: int) -> State | None:
        """End a lease whose beat stands still: the job waits again, or is dead after `limit` losses.

        None when it has moved since.
        """
        ...

    def cancel(self, endpoint: str, job_id: str) -> tuple[Job | None, bool]:
        """Cancel a job that has not ended, running or not. Gives the job, and whether this call changed it."""
        ...

    def revive(self, endpoint: str, job_id: str) -> tuple[Job | None, bool]:
        """Let a failed or dead job run again, its counts at zero."""
        ...

    def forget(self, endpoint: str, job_id: str) -> bool:
        """Drop a job that has ended, and all that is kept of it."""
        ...

    def overdue(self, endpoint: str) -> list[str]:
        """End the jobs that waited past their deadline. Gives their ids."""
        ...

    def end_waiting(self, endpoint: str, code: str, reason: str) -> list[str]:
        """Cancel every job that waits, and say why. Gives their ids."""
        ...

    def sweep(self, limit: int) -> int:
        """Drop up to `limit` results, rows and keys that have been kept long enough. Gives how many it dropped."""
        ...

    def blobs(self) -> set[str]:
        """Every blob that an input or a result names."""
        ...

    def alone(self) -> list[tuple[str, str]]:
        """Endpoint and id of every job that is one of those that run alone."""
        ...

    def held(self) -> list[Held]:
        """Every lease of every owner."""
        ...

    def endpoints(self) -> set[str]:
        """Every endpoint that has jobs which have not ended, or dead ones."""
        ...

    def next_due_s(self, endpoint: str) -> float | None:
        """Seconds until the next waiting attempt is due; None when none waits."""
        ...

    def get(self, endpoint: str, job_id: str) -> Job | None:
        """One job."""
        ...

    def find(self, endpoints: Sequence[str], ids: Sequence[str]) -> dict[str, Job]:
        """Several jobs by their ids. Of those with the same id, the one of the first endpoint."""
        ...

    def result(self, endpoint: str, job_id: str) -> Result | None:
        """A job's answer, as long as it is kept."""
        ...

    def list(self, wanted: Filter) -> list[Job]:
        """Jobs, the newest first."""
        ...

    def depth(self, endpoint: str) -> Depth:
        """Counts for metrics."""
        ...

    def due(self) -> bool:
        """Whether a webhook's message is due."""
        ...

    def claim(self, limit: int, again_s: float) -> list[Delivery]:
        """Take up to `limit` messages that are due. Each is due again after `again_s`, unless its end is written."""
        ...

    def delivered(self, delivery: Delivery, status: int) -> bool:
        """A message was taken. False: another attempt has begun since."""
        ...

    def missed(self, delivery: Delivery, status: int | None, error: str, delay_s: float | None) -> bool:
        """An attempt failed: try again after so long; None: never."""
        ...

    def deliveries(
        self, endpoint: str, *, job: str = "", state: DeliveryState | None = None, limit: int = 50
    ) -> list[Delivery]:
        """Messages about an endpoint's jobs, the newest first."""
        ...

    def redeliver(self, endpoint: str, delivery_id: str) -> Delivery | None:
        """Let a message be sent again, whatever became of it."""
        ...
