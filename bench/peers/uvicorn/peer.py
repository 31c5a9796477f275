"""A raw ASGI application on uvicorn: the least that Python can do, with the model inline on the event loop."""

from __future__ import annotations

from pathlib import Path

from bench import environments
from bench.peers import calls
from bench.records import Call, Launch, Peer

HERE = Path(__file__).parent


def launch(task: str, port: int, scratch: Path) -> Launch:
    """One process with uvloop and httptools, no access log, no proxy headers middleware."""
    python = str(environments.python("uvicorn"))
    options = ("--host", "127.0.0.1", "--port", str(port), "--no-access-log", "--log-level", "warning")
    speed = ("--loop", "uvloop", "--http", "httptools", "--no-proxy-headers", "--lifespan", "off")
    return Launch(argv=(python, "-m", "uvicorn", "server:app", *options, *speed), cwd=HERE)


PEER = Peer(
    name="uvicorn",
    title="bare uvicorn",
    processes="1 process, model inline",
    launch=launch,
    calls={
        "hello": Call(path="/infer", encode=calls.prompt, decode=calls.output),
        "json": Call(path="/image", encode=calls.base64_field("image"), decode=calls.output),
        "raw": Call(path="/raw", encode=calls.raw, decode=calls.output),
        "async generator": Call(path="/stream", encode=calls.prompt, decode=calls.text),
        "hop": Call(path="/hop", encode=calls.raw, decode=calls.output),
    },
    distribution="uvicorn",
)
