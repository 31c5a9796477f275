"""What a store is asked without changing anything. Finished rows cost none of it: see the partial indexes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from hotplate.jobs.records import PRIORITIES, TRANSITIONS, Depth, Fence, Filter, Held, Job, Result
from hotplate.jobs.statements import Statements, columns, listed, record

JOB = columns(Job)
ALONE = "/alone"
"""What the name of an endpoint has at its end for jobs that run in processes of their own."""
ENDED = ("completed", "failed", "cancelled")
"""The states of the index of finished jobs. The dead have one of their own."""
NEWEST = 1 << 62
RESULT = ("status", "headers", "body", "blob", "body_bytes")
_decode_headers = msgspec.json.Decoder(tuple[tuple[str, str], ...]).decode


class Lookups(Statements):
    """The operations of `jobs.store.Store` that only look."""

    def blobs(self) -> set[str]:
        """Every blob that something names."""
        names = "SELECT blob FROM input WHERE blob <> '' UNION SELECT blob FROM output WHERE blob <> ''"
        return {row[0] for row in self._run(names).fetchall()}

    def alone(self) -> list[tuple[str, str]]:
        """Every job that runs alone, or ran so."""
        rows = self._run(f"SELECT endpoint, id FROM job WHERE endpoint LIKE '%{ALONE}'").fetchall()
        return [(row[0], row[1]) for row in rows]

    def held(self) -> list[Held]:
        """Every lease."""
        rows = self._run("SELECT seq, attempt, token, beat, owner, endpoint FROM job WHERE state = 'running'")
        return [Held(Fence(*row[:3]), *row[3:]) for row in rows.fetchall()]

    def endpoints(self) -> set[str]:
        """Every endpoint that has jobs which have not ended, or dead ones."""
        found: set[str] = set()
        for state in ("queued", "retrying", "running", "dead"):  # in the text: see `_count`
            rows = self._run(f"SELECT DISTINCT endpoint FROM job WHERE state = '{state}'").fetchall()
            found.update(row[0] for row in rows)
        return found

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
        where = f"SELECT {listed(JOB)} FROM job WHERE endpoint = ? AND id = ?"
        row = self._run(where, (endpoint, job_id)).fetchone()
        return None if row is None else read_job(row)

    def find(self, endpoints: Sequence[str], ids: Sequence[str]) -> dict[str, Job]:
        """Several jobs by their ids. Of those with the same id, the one of the first endpoint."""
        some = [*ids, *[ids[-1]] * ((1 << (len(ids) - 1).bit_length()) - len(ids))]  # few texts: each is prepared once
        where = f"endpoint IN ({listed('?' * len(endpoints))}) AND id IN ({listed('?' * len(some))})"
        rows = self._run(f"SELECT {listed(JOB)} FROM job WHERE {where}", (*endpoints, *some)).fetchall()
        jobs = sorted(map(read_job, rows), key=lambda job: endpoints.index(job.endpoint), reverse=True)
        return {job.id: job for job in jobs}

    def result(self, endpoint: str, job_id: str) -> Result | None:
        """A kept answer."""
        row = self._run(
            "SELECT o.status, headers, body, blob, body_bytes FROM job JOIN output o USING (seq)"
            " WHERE endpoint = ? AND id = ? AND o.keep_until > ?",
            (endpoint, job_id, self._clock.now_ms()),
        ).fetchone()
        return None if row is None else record(Result, RESULT, row, headers=_decode_headers(row[1]))

    def list(self, wanted: Filter) -> list[Job]:
        """Jobs, the newest first."""
        found: list[Job] = []
        for endpoint in dict.fromkeys((wanted.endpoint, *wanted.others)):
            after = found[-1].seq if len(found) == wanted.limit else 0  # an older one has no place any more
            found += self._page(endpoint, wanted, after)
            found = sorted(found, key=lambda job: job.seq, reverse=True)[: wanted.limit]
        return found

    def _page(self, endpoint: str, wanted: Filter, after: int) -> list[Job]:
        """One endpoint's newest jobs. In one statement, so that one which changes its state meanwhile is in it once."""
        where, values = "endpoint = ? AND seq > ? AND seq < ?", [endpoint, after, wanted.before or NEWEST]
        for column, value in (("origin", wanted.origin), ("path", wanted.path)):
            if value:
                where += f" AND {column} = ?"
                values.append(value)
        newest = f"SELECT {listed(JOB)} FROM job{{}} WHERE {where}{{}} ORDER BY seq DESC LIMIT ?"
        states = [state for state in TRANSITIONS if state in wanted.states]
        ways = [way for state in states for way in _in_order(state)] if wanted.states else [("job_listed", "")]
        parts = [newest.format(self._by(index), condition) for index, condition in ways]
        if not parts:
            return []
        text = parts[0]
        if len(parts) > 1:
            each = " UNION ALL ".join(f"SELECT * FROM ({part}) AS part{at}" for at, part in enumerate(parts))
            text = f"{each} ORDER BY seq DESC LIMIT ?"
        given = (*values, wanted.limit) * len(parts) + (wanted.limit,) * (len(parts) > 1)
        return [read_job(row) for row in self._run(text, given).fetchall()]

    def depth(self, endpoint: str) -> Depth:
        """Counts for metrics."""
        by = self._by("job_queued")
        first = f"SELECT min(seq) FROM job{by} WHERE endpoint = ? AND state = 'queued'"
        oldest = self._run(f"SELECT created_at FROM job WHERE seq = ({first})", (endpoint,)).fetchone()
        queued = self._count(endpoint, "queued")
        return Depth(
            waiting=queued + self._count(endpoint, "retrying"),
            running=self._count(endpoint, "running"),
            oldest=oldest[0] if oldest else None,
            dead=self._count(endpoint, "dead"),
            queued=queued,
        )

    def _count(self, endpoint: str, state: str) -> int:
        # The state stands in the text: only then does SQLite use the partial index.
        where = f"{self._by(f'job_{state}')} WHERE endpoint = ? AND state = '{state}'"
        return self._run(f"SELECT count(*) FROM job{where}", (endpoint,)).fetchone()[0]


def _in_order(state: str) -> list[tuple[str, str]]:
    """How jobs of a state are found by their age: an index, and what has to be so. The state stands in the text: only
    then is a partial index one for it. What waits is in its index by priority, and what is retried by time.
    """
    is_so = f" AND state = '{state}'"
    if state in ENDED:
        return [("job_ended", f"{is_so} AND state IN {ENDED}")]
    if state == "queued":
        return [("job_queued", f"{is_so} AND priority = {priority}") for priority in PRIORITIES]
    return [(f"job_{state}", is_so)]


def read_job(row: tuple[Any, ...]) -> Job:
    """A job from a row of the columns JOB."""
    job = record(Job, JOB, row)
    return msgspec.structs.replace(job, has_result=bool(job.has_result))
