"""LitServe with one worker on the CPU and one API server."""

from __future__ import annotations

from pathlib import Path

from bench import environments
from bench.peers import calls
from bench.records import Call, Launch, Peer

HERE = Path(__file__).parent


def launch(task: str, port: int, scratch: Path) -> Launch:
    """A process per role: main, API server, worker, and the manager of their queues."""
    return Launch(argv=(str(environments.python("litserve")), str(HERE / "server.py"), task, str(port)), cwd=scratch)


PEER = Peer(
    name="litserve",
    title="LitServe",
    processes="API server, 1 worker, manager",
    launch=launch,
    calls={
        "hello": Call(path="/infer", encode=calls.prompt, decode=calls.output),
        "json": Call(path="/image", encode=calls.base64_field("image"), decode=calls.output),
        "multipart": Call(path="/upload", encode=calls.part("image"), decode=calls.output),
        "batch": Call(path="/infer", encode=calls.prompt, decode=calls.output),
        "generator": Call(path="/stream", encode=calls.prompt, decode=calls.text),
    },
    distribution="litserve",
)
