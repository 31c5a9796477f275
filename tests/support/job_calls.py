"""What tests of jobs do again and again with a running server."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from serving import Reply, Server

ASYNC = {"prefer": "respond-async"}

MODEL = {
    "service.py": """
import os, time
from collections.abc import Iterator
from hotplate import Service, progress

class Model(Service):
    def infer(self, prompt: str) -> str:
        return prompt[::-1]

    def count(self, number: int) -> int:
        return number + 1

    def steps(self, steps: int, pause: float) -> str:
        for step in range(steps):
            progress(step / steps, f"step {step}")
            time.sleep(pause)
        return "done"

    def boom(self, text: str) -> str:
        print("about to fail:", text, flush=True)
        raise ValueError(text)

    def die(self, status: int) -> str:
        print("my last words", flush=True)
        os._exit(status)

    def pieces(self, count: int) -> Iterator[str]:
        for number in range(count):
            yield f"piece {number}"

    async def wait(self, seconds: float) -> str:
        import asyncio
        await asyncio.sleep(seconds)
        return "waited"
"""
}


def submit(server: Server, route: str, body: Any, **headers: str) -> str:
    """Submit a job and give its id."""
    reply = server.post(route, body, headers={**ASYNC, **{k.replace("_", "-"): v for k, v in headers.items()}})
    assert reply.status == 202, (reply.status, reply.body)
    return reply.json()["id"]


def show(server: Server, job_id: str) -> dict[str, Any]:
    reply = server.get(f"/jobs/{job_id}")
    assert reply.status == 200, (reply.status, reply.body)
    return reply.json()


def result(server: Server, job_id: str) -> Reply:
    return server.get(f"/jobs/{job_id}/result")


def until(what: Callable[[], Any], text: str, timeout_s: float = 40.0) -> Any:
    end = time.monotonic() + timeout_s
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < end, f"{text} did not happen"
        time.sleep(0.02)


def ended(server: Server, job_id: str, timeout_s: float = 40.0) -> dict[str, Any]:
    """The job, when it has ended."""
    final = ("completed", "failed", "dead", "cancelled")
    return until(lambda: (job := show(server, job_id))["status"] in final and job, f"the end of {job_id}", timeout_s)
