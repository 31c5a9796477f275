"""octoai-sdk's own server: one parent that speaks HTTP, one spawned worker. No batching and no streams in it."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

from bench import environments
from bench.peers import calls
from bench.records import Body, Call, Launch, Peer

HERE = Path(__file__).parent


def launch(task: str, port: int, scratch: Path) -> Launch:
    """`python -m octoai.server run`, with the host turned to loopback: it has no option for that."""
    python = str(environments.python("octoai"))
    return Launch(argv=(python, str(HERE / "server.py"), "run", "--port", str(port)), cwd=HERE / task)


def _image(value: bytes) -> Body:
    return calls.as_json({"image": {"data": b64encode(value).decode()}})


PEER = Peer(
    name="octoai",
    title="octoai-sdk",
    processes="parent, 1 worker",
    launch=launch,
    calls={
        "hello": Call(path="/infer", encode=calls.prompt, decode=calls.output),
        "json": Call(path="/infer", encode=_image, decode=calls.output),
        "multipart": Call(path="/infer-form-data", encode=calls.part("image"), decode=calls.output),
    },
    distribution="octoai-sdk",
)
