"""One question in two wire formats, and the answer of either as the same kind of record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tests.serving import Reply, Server

DATATYPES = {str: "BYTES", bool: "BOOL", int: "INT64", float: "FP64"}


class Told(NamedTuple):
    """What a caller learns: the status, the values if it is 200, else the text for people."""

    status: int
    values: Any = None
    text: str = ""
    retry_after: str = ""


def plain(server: Server, values: Any, timeout_s: float = 30.0) -> Told:
    reply = server.post("/infer", values, timeout_s=timeout_s)
    return told(reply, lambda tree: tree["output"])


def open_inference(server: Server, values: Mapping[str, Any], timeout_s: float = 30.0) -> Told:
    inputs = [tensor(name, value) for name, value in values.items()]
    reply = server.post("/v2/models/parity/infer", {"inputs": inputs}, timeout_s=timeout_s)
    return told(reply, lambda tree: {output["name"]: untensored(output) for output in tree["outputs"]})


FACES: Mapping[str, Callable[..., Told]] = {"plain": plain, "open_inference": open_inference}


def tensor(name: str, value: Any) -> dict[str, Any]:
    data = value if isinstance(value, list) else [value]
    datatype = DATATYPES.get(type(data[0]), "BYTES") if data else "INT64"
    return {"name": name, "shape": [len(data)], "datatype": datatype, "data": data}


def untensored(output: Mapping[str, Any]) -> Any:
    """One output's data. What stands for a single value there is told by the test that knows it."""
    return output["data"]


def told(reply: Reply, values_of: Callable[[Any], Any]) -> Told:
    tree = reply.json()
    if reply.status == 200:
        return Told(200, values_of(tree))
    text = tree.get("error") or tree.get("detail") or tree.get("status")
    return Told(reply.status, None, text if isinstance(text, str) else str(text), reply.headers.get("retry-after", ""))


def as_tensors(values: Mapping[str, Any]) -> dict[str, Any]:
    """What plain's values are as outputs: every scalar in a list, and null as its JSON text."""
    return {
        name: value if isinstance(value, list) else ["null" if value is None else value]
        for name, value in values.items()
    }
