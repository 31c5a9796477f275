"""Jobs in the manner of OctoAI's gateway: `X-OctoAI-Async: 1` gives a `poll_url`, and that a `response_url` at the end.

Its API had no word for a failure: here such a call is completed too, and its response is the error that it had, so
that its client raises instead of asking for ever.
"""

from __future__ import annotations

from hotplate.edge.exchange import Exchange
from hotplate.edge.head import RequestHead
from hotplate.edge.response import encode_json
from hotplate.jobs.asking import read_wish
from hotplate.jobs.http import Web
from hotplate.jobs.http_plan import JSON, Answer, JobPlan, found
from hotplate.jobs.http_submit import keep
from hotplate.wire.frames import Meta


def wanted(head: RequestHead) -> bool:
    """Whether a request asks for it."""
    return head.headers.get(b"x-octoai-async") == b"1"


def submit(web: Web, meta: Meta, most_bytes: int) -> JobPlan:
    """Keep a call and answer 201."""

    async def work(exchange: Exchange) -> Answer:
        head = exchange.head
        wish = read_wish(head)
        await web.jobs.open()
        made = await keep(web, exchange, meta, wish, head.method, head.path, origin="octoai")
        place = _place(head, "requests", made.id)
        return 201, encode_json({"response_id": made.id, "poll_url": place}), (*JSON, ("location", place))

    return web.plan(work, most_bytes, shows=False)


def look(web: Web, head: RequestHead) -> JobPlan | None:
    """The plan of `/v1/requests/ID` and `/v1/responses/ID`; None for other paths."""
    parts = head.path.split("/")
    if len(parts) != 4 or parts[1] != "v1" or parts[2] not in ("requests", "responses") or head.method != "GET":
        return None
    job_id = parts[3]

    async def poll(exchange: Exchange) -> Answer:
        await web.jobs.open()
        job = found(await web.jobs.get(job_id))
        if not job.ended:
            return 202, encode_json({"status": "running" if job.state == "running" else "pending"}), JSON
        place = _place(exchange.head, "responses", job_id)
        return 200, encode_json({"status": "completed", "response_url": place}), JSON

    async def respond(_: Exchange) -> Answer:
        await web.jobs.open()
        return await web.answer_of(found(await web.jobs.get(job_id)))

    return web.plan(poll if parts[2] == "requests" else respond)


def _place(head: RequestHead, kind: str, job_id: str) -> str:
    """The whole URL, at the host that the caller used."""
    return f"{head.origin}{head.prefix}/v1/{kind}/{job_id}"
