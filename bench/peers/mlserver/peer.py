"""MLServer with one parallel worker, over the open inference protocol (v2)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench import environments
from bench.peers import calls
from bench.records import Body, Call, Launch, Peer
from bench.servers import free_port

HERE = Path(__file__).parent
MODELS = {"hello": ["Hello"], "payload": ["Payload"], "batch": ["Batch"], "stream": ["Stream"]}


def launch(task: str, port: int, scratch: Path) -> Launch:
    """A model repository made from server.py. Streams need the model in the server's own process, says its page."""
    settings: dict[str, Any] = {
        "host": "127.0.0.1",
        "http_port": port,
        "grpc_port": free_port(),
        "metrics_port": free_port(),
        "parallel_workers": 0 if task == "stream" else 1,
        "gzip_enabled": False,
        "debug": False,
    }
    (scratch / "settings.json").write_text(json.dumps(settings))
    for name in MODELS[task]:
        folder = scratch / name.lower()
        folder.mkdir()
        model: dict[str, Any] = {"name": name.lower(), "implementation": f"server.{name}"}
        if task == "batch":
            model |= {"max_batch_size": 32, "max_batch_time": 0.005}
        (folder / "model-settings.json").write_text(json.dumps(model))
        (folder / "server.py").symlink_to(HERE / "server.py")
    program = environments.python("mlserver").parent / "mlserver"
    return Launch(argv=(str(program), "start", str(scratch)), cwd=scratch)


def _tensor(datatype: str, content_type: str, data: str) -> Body:
    named = {"name": "prompt", "shape": [1], "datatype": datatype, "parameters": {"content_type": content_type}}
    return calls.as_json({"inputs": [{**named, "data": [data]}]})


def _prompt(value: str) -> Body:
    return _tensor("BYTES", "str", value)


def _image(value: bytes) -> Body:
    from base64 import b64encode

    return _tensor("BYTES", "base64", b64encode(value).decode())


def _first(data: bytes) -> Any:
    return json.loads(data)["outputs"][0]["data"][0]


PEER = Peer(
    name="mlserver",
    title="MLServer",
    processes="server, 1 parallel worker, tracker",
    launch=launch,
    calls={
        "hello": Call(path="/v2/models/hello/infer", encode=_prompt, decode=_first),
        "json": Call(path="/v2/models/payload/infer", encode=_image, decode=_first),
        "batch": Call(path="/v2/models/batch/infer", encode=_prompt, decode=_first),
        "async generator": Call(path="/v2/models/stream/infer_stream", encode=_prompt, decode=calls.text),
    },
    distribution="mlserver",
)
