"""What wrk sends in hello-unique: another id, another text, 64 lengths, and a length that is right."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from bench import tools
from bench.load import wrk
from bench.peers.calls import output, prompt
from bench.records import Call, Launch, Peer
from bench.servers import started, wait_ready

pytestmark = pytest.mark.skipif(tools.find("wrk") is None, reason="needs wrk: sudo apt-get install wrk")

SERVER = """
import asyncio, json, sys

async def serve(reader, writer):
    try:
        while True:
            head = (await reader.readuntil(b"\\r\\n\\r\\n")).decode()
            headers = dict(line.lower().split(": ", 1) for line in head.split("\\r\\n")[1:-2])
            given = json.loads(await reader.readexactly(int(headers["content-length"])))
            with open("seen", "a") as seen:
                seen.write(json.dumps([headers.get("x-request-id"), given["prompt"]]) + "\\n")
            data = json.dumps({"output": given["prompt"]}).encode()
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(data) + data)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()

asyncio.run(main())
"""


def launch(task: str, port: int, scratch: Path) -> Launch:
    (scratch / "server.py").write_text(SERVER)
    return Launch(argv=(sys.executable, "server.py", str(port)), cwd=scratch)


def test_ids_and_texts_never_come_twice() -> None:
    call = Call(path="/infer", encode=prompt, decode=output)
    peer = Peer(name="log", title="log", processes="", launch=launch, calls={"hello": call}, locked=False)
    every = os.sched_getaffinity(0)
    with started(peer, "hello", every) as server:
        wait_ready(server, call, "hi", "hi")
        load = wrk.unique(server, call, connections=2, seconds=1, core=max(every))
        lines = (server.scratch / "seen").read_text().splitlines()
    seen = [json.loads(line) for line in lines]
    asked = [(name, text) for name, text in seen if text != "hi"]
    assert load.errors == 0
    assert load.requests >= 65
    assert len(asked) >= load.requests
    assert len({name for name, _ in asked}) == len(asked)
    assert len({text for _, text in asked}) == len(asked)
    assert len({len(text.strip("0123456789")) for _, text in asked}) == 64
