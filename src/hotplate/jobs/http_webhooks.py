"""What became of webhooks, on HTTP: `/jobs/ID/webhooks`, and for a whole endpoint `/jobs/-/webhooks`.

URLs of receivers may hold secrets: they are shown to who submitted the job and to those who manage the endpoint,
and without their query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from hotplate.edge.exchange import Exchange
from hotplate.edge.head import RequestHead
from hotplate.edge.response import encode_json
from hotplate.errors import JobError, JobNotFound
from hotplate.jobs.asking import LIST_MOST
from hotplate.jobs.documents import stamp
from hotplate.jobs.http_plan import JSON, Answer, Work, found
from hotplate.jobs.records import Delivery, DeliveryState
from hotplate.jobs.rights import may_change, may_manage

if TYPE_CHECKING:
    from hotplate.jobs.http import Web

ALL = "-"
STATES: dict[str, DeliveryState] = {"waiting": "waiting", "delivered": "delivered", "failed": "failed"}


def work_of(web: Web, method: str, job_id: str, rest: list[str]) -> Work | None:
    """What answers a request below `/jobs/ID/webhooks`; None where there is nothing."""
    if method == "GET" and not rest:
        return lambda exchange: _list(web, exchange.head, job_id)
    if method == "POST" and len(rest) == 2 and rest[1] == "redeliver" and job_id == ALL:
        return lambda exchange: _redeliver(web, exchange, rest[0])
    return None


async def _list(web: Web, head: RequestHead, job_id: str) -> Answer:
    jobs = web.jobs
    await jobs.open()
    state: DeliveryState | None = None
    for name, value in parse_qsl(head.query, keep_blank_values=True):
        if name != "state" or value not in STATES:
            raise JobError(f"Webhooks can be filtered by `state`: {', '.join(STATES)}.")
        state = STATES[value]
    names = (jobs.name, jobs.solo_name)
    if job_id == ALL:
        may_manage(head.sender)
        job_id = ""
    else:
        may_change(head.sender, found(await jobs.find(job_id)))
    told = await jobs.desk.read(
        lambda store: [
            each for name in names for each in store.deliveries(name, job=job_id, state=state, limit=LIST_MOST)
        ]
    )
    return 200, encode_json({"webhooks": [shown(each) for each in told]}), JSON


async def _redeliver(web: Web, exchange: Exchange, delivery_id: str) -> Answer:
    may_manage(exchange.head.sender)
    jobs = web.jobs
    await jobs.open()
    again = await jobs.desk.wrote(
        lambda store: store.redeliver(jobs.name, delivery_id) or store.redeliver(jobs.solo_name, delivery_id)
    )
    if again is None:
        raise JobNotFound("There is no webhook message with this id at this endpoint.")
    return 202, encode_json(shown(again)), JSON


def shown(delivery: Delivery) -> dict[str, Any]:
    """A message as JSON."""
    return {
        "id": delivery.id,
        "job": delivery.job,
        "event": delivery.event,
        "url": delivery.url.partition("?")[0],
        "status": delivery.state,
        "attempt": delivery.attempt,
        "answer": delivery.status,
        "error": delivery.error,
        "created_at": stamp(delivery.created_at),
        "ended_at": stamp(delivery.ended_at),
    }
