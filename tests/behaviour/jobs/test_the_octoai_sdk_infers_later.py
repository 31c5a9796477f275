"""OctoAI's asynchronous calls, and the real octoai-sdk 0.10.1, our shim of it and our own client making them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from job_calls import until
from peers import octoai_python

OCTOAI = {"x-octoai-async": "1"}

SCRIPT = """
import json, sys, time
from octoai.client import Client
url = sys.argv[1]
client = Client(token="")
future = client.infer_async(f"{url}/infer", {"prompt": "abc"})
early = client.get_future_result(client.infer_async(f"{url}/wait", {"seconds": 1.0}))
while not client.is_future_ready(future):
    time.sleep(0.05)
done = client.get_future_result(future)
broken = client.infer_async(f"{url}/boom", {"text": "x"})
while not client.is_future_ready(broken):
    time.sleep(0.05)
try:
    error = client.get_future_result(broken)
except Exception as raised:
    error = type(raised).__name__
try:
    client.infer_async(f"{url}/infer", {"wrong": 1})
    refused = None
except Exception as raised:
    refused = type(raised).__name__
print(json.dumps([early, done["output"], error, refused]))
"""


def test_a_call_gives_a_poll_url_and_that_a_response_url(server):
    reply = server.post("/wait", {"seconds": 0.5}, headers=OCTOAI)
    assert reply.status == 201
    started = reply.json()
    assert set(started) == {"response_id", "poll_url"}
    assert started["poll_url"] == f"{server.url}/v1/requests/{started['response_id']}"
    poll = started["poll_url"].removeprefix(server.url)
    first = server.get(poll)
    assert (first.status, first.json()["status"]) in ((202, "pending"), (202, "running"))
    done = until(lambda: (r := server.get(poll)).status == 200 and r.json(), "completed")
    assert done == {
        "status": "completed",
        "response_url": f"{server.url}/v1/responses/{started['response_id']}",
    }
    response = server.get(done["response_url"].removeprefix(server.url))
    assert (response.status, response.json()["output"]) == (200, "waited")
    assert "x-process-time" not in response.headers or response.headers["x-process-time"]


def test_unknown_ids_and_other_values_of_the_header(server):
    assert server.get("/v1/requests/nobody").json()["code"] == "job_not_found"
    assert server.get("/v1/responses/nobody").status == 404
    assert server.post("/infer", {"prompt": "ab"}, headers={"x-octoai-async": "0"}).json()["output"] == "ba"


@pytest.mark.peer
@pytest.mark.parametrize("client", ["real", "shim"])
def test_the_sdks_own_calls_work(server, client, tmp_path):
    if client == "real":
        python, path = octoai_python(), ""
    else:
        python = Path(sys.executable)
        path = str(Path(__file__).parents[3] / "src/hotplate/compat/shims")
    script = tmp_path / "calls.py"
    script.write_text(SCRIPT)
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONPATH": path}
    done = subprocess.run(
        [python, str(script), server.url], capture_output=True, text=True, timeout=100, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout.splitlines()[-1])
    assert results == [None, "cba", "OctoAIServerError", "OctoAIClientError"]
