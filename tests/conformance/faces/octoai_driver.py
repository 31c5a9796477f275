"""Runs inside the peer's own environment: serves one module with the real octoai-sdk and answers requests in-process.

Reads one JSON list of requests from stdin, writes one JSON list of answers to stdout. Bodies travel as base64.
The application is the one that `python -m octoai.server run --async-enable false` serves.
"""

import asyncio
import base64
import json
import sys

import httpx
from octoai.server import Server, load_service


async def main(module: str) -> None:
    server = Server(load_service(module), async_enable=False)
    requests = json.load(sys.stdin)
    transport = httpx.ASGITransport(app=server.app, raise_app_exceptions=False)
    answers = []
    async with (
        server.prepare_for_serving(),
        httpx.AsyncClient(transport=transport, base_url="http://peer") as client,
    ):
        for request in requests:
            response = await client.request(
                "POST",
                request["path"],
                content=base64.b64decode(request["body"]),
                headers=request["headers"],
            )
            answers.append(
                {
                    "status": response.status_code,
                    "content_type": response.headers.get("content-type", ""),
                    "body": base64.b64encode(response.content).decode(),
                }
            )
    json.dump(answers, sys.stdout)


asyncio.run(main(sys.argv[1]))
