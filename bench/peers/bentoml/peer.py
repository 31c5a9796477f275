"""BentoML with one worker. Its API server runs the model inline where the function is `async def`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench import environments
from bench.peers import calls
from bench.records import Body, Call, Launch, Peer

HERE = Path(__file__).parent
SERVICES = {
    "hello": "Hello",
    "payload": "Payload",
    "batch": "Batch",
    "stream": "Stream",
    "zero": "Zero",
    "slow": "Slow",
}


def launch(task: str, port: int, scratch: Path) -> Launch:
    """`bentoml serve` on loopback, with usage reports off; its access log is off in server.py."""
    bentoml = environments.python("bentoml").parent / "bentoml"
    options = ("--host", "127.0.0.1", "--port", str(port), "--working-dir", str(HERE))
    return Launch(
        argv=(str(bentoml), "serve", f"server:{SERVICES[task]}", *options),
        cwd=HERE,
        env={"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(scratch / "home")},
    )


def _one(value: str) -> Body:
    """A batchable function takes a list from each caller too."""
    return calls.as_json({"prompt": [value]})


def _first(data: bytes) -> Any:
    return json.loads(data)[0]


PEER = Peer(
    name="bentoml",
    title="BentoML",
    processes="watcher, 1 API worker, model inline",
    launch=launch,
    calls={
        "hello": Call(path="/infer", encode=calls.prompt, decode=calls.output),
        "hello-off": Call(path="/infer", encode=calls.prompt, decode=calls.output),
        "slow-loaded": Call(path="/slow", encode=calls.prompt, decode=calls.output),
        "json": Call(path="/image", encode=calls.base64_field("image"), decode=calls.output),
        "multipart": Call(path="/upload", encode=calls.part("image"), decode=calls.output),
        "raw": Call(path="/raw", encode=calls.raw, decode=calls.output),
        "batch": Call(path="/infer", encode=_one, decode=_first),
        "generator": Call(path="/stream", encode=calls.prompt, decode=calls.text),
        "async generator": Call(path="/stream_async", encode=calls.prompt, decode=calls.text),
    },
    distribution="bentoml",
)
