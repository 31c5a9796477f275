"""FastAPI on uvicorn with `async def` functions: what most people write first."""

from __future__ import annotations

from pathlib import Path

from bench import environments
from bench.peers import calls
from bench.records import Call, Launch, Peer

HERE = Path(__file__).parent


def launch(task: str, port: int, scratch: Path) -> Launch:
    """One process with uvloop and httptools, no access log."""
    python = str(environments.python("fastapi"))
    options = ("--host", "127.0.0.1", "--port", str(port), "--no-access-log", "--log-level", "warning")
    return Launch(argv=(python, "-m", "uvicorn", "server:app", *options), cwd=HERE)


PEER = Peer(
    name="fastapi",
    title="FastAPI on uvicorn",
    processes="1 process, model inline",
    launch=launch,
    calls={
        "hello": Call(path="/infer", encode=calls.prompt, decode=calls.output),
        "json": Call(path="/image", encode=calls.base64_field("image"), decode=calls.output),
        "multipart": Call(path="/upload", encode=calls.part("image"), decode=calls.output),
        "raw": Call(path="/raw", encode=calls.raw, decode=calls.output),
        "generator": Call(path="/stream", encode=calls.prompt, decode=calls.text),
        "async generator": Call(path="/stream-async", encode=calls.prompt, decode=calls.text),
    },
    distribution="fastapi",
)
