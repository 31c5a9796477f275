"""Hotplate once more for each dialect: the model of *hello*, asked in that dialect's own wire format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.peers import calls
from bench.peers.hotplate import peer
from bench.records import Body, Call, Launch, Peer

TASK = "dialects"
FOLDER = Path(__file__).parent / TASK


def _tensors(value: str) -> Body:
    return calls.as_json({"inputs": [{"name": "prompt", "shape": [1], "datatype": "BYTES", "data": [value]}]})


def _first_tensor(data: bytes) -> Any:
    return json.loads(data)["outputs"][0]["data"][0]


def _predictions(data: bytes) -> Any:
    return json.loads(data)["predictions"]


CALLS = {
    "function": Call(path="/predict", encode=calls.prompt, decode=calls.output),
    "input_schema": Call(path="/v2/models/hello/infer", encode=_tensors, decode=_first_tensor),
    "routes": Call(path="/predict", encode=calls.prompt, decode=calls.value),
    "predictor": Call(path="/hello", encode=calls.prompt, decode=calls.text),
    "entry_point": Call(path="/v2/models/hello/predict/", encode=calls.prompt, decode=_predictions),
}


def _peer(dialect: str, call: Call) -> Peer:
    def launch(task: str, port: int, scratch: Path) -> Launch:
        return peer.run(FOLDER / dialect, port, scratch)

    return Peer(
        name=f"hotplate-{dialect}",
        title=f"Hotplate, {dialect}",
        processes="server, 1 worker",
        launch=launch,
        calls={TASK: call},
        version=peer.version,
        locked=False,
    )


PEERS = tuple(_peer(dialect, call) for dialect, call in CALLS.items())
