from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest

from hotplate import AsyncClient, Client
from hotplate.client import InputRefused, Job, StatusError


def test_a_client_submits_follows_and_gets_the_answer(server):
    with Client(base_url=server.url, timeout_s=60) as client:
        job = client.submit("/infer", {"prompt": "abc"}, priority=0)
        assert isinstance(job, Job) and job.url == f"{server.url}/jobs/{job.id}"
        assert client.job_result(job)["output"] == "cba"
        assert client.job(job.id).status == "completed"
        assert (
            client.submit("/infer", {"prompt": "k"}, key="same").id
            == client.submit("/infer", {"prompt": "k"}, key="same").id
        )
        with pytest.raises(InputRefused):
            client.submit("/infer", {"prompt": 1})
        broken = client.submit("/boom", {"text": "hot"})
        with pytest.raises(StatusError) as raised:
            client.job_result(broken)
        assert raised.value.status == 500
        assert client.job(broken).ended and "500" in client.job(broken).error
        assert client.retry_job(broken).status == "queued"
        running = client.submit("/wait", {"seconds": 60})
        assert client.cancel_job(running).status == "cancelled"
        with pytest.raises(StatusError):
            client.cancel_job(running)
        assert running.id in [each.id for each in client.list_jobs(state="cancelled", route="/wait")]


def test_the_async_client_does_the_same(server):
    async def calls() -> list[int]:
        async with AsyncClient(base_url=server.url, timeout_s=60) as client:
            jobs = await asyncio.gather(*(client.submit("/count", {"number": n}) for n in range(5)))
            answers = await asyncio.gather(*(client.job_result(job) for job in jobs))
            return [answer["output"] for answer in answers]

    assert asyncio.run(calls()) == [1, 2, 3, 4, 5]


def hotplate(server, *words: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "hotplate.cli", "job", *words, "--url", server.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_the_command_line_does_it_too(server):
    status, text = hotplate(server, "submit", "/count", "number:=41", "--wait")
    assert (status, json.loads(text)["output"]) == (0, 42)
    status, text = hotplate(server, "submit", "prompt=abc")
    job_id = text.strip()
    assert (status, len(job_id)) == (0, 32)
    assert hotplate(server, "wait", job_id)[0] == 0
    assert json.loads(hotplate(server, "result", job_id)[1])["output"] == "cba"
    assert "completed" in hotplate(server, "get", job_id)[1]
    broken = hotplate(server, "submit", "/boom", "text=too hot")[1].strip()
    status, text = hotplate(server, "wait", broken)
    assert status == 1 and "dead" in text and "about to fail: too hot" in text
    assert broken in hotplate(server, "list", "--state", "dead")[1]
    assert "queued" in hotplate(server, "retry", broken)[1]
    status, text = hotplate(server, "get", "nobody")
    assert status == 1 and "no job with this id" in text
    assert json.loads(hotplate(server, "list", "--limit", "1", "-o", "json")[1])[0]["id"]
