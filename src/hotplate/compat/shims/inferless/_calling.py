"""`inferless.call`: a dict of plain values as tensors, posted to a model's URL. Only the standard library is needed."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from typing import Any, cast
from urllib import error as urllib_error
from urllib import request as urllib_request

TIMEOUT_S = 600.0


def call(
    url: str,
    workspace_api_key: str | None = None,
    data: dict[str, Any] | None = None,
    callback: Callable[[Exception | None, Any], Any] | None = None,
    inputs: dict[str, Any] | None = None,
    is_batch: bool = False,
) -> Any:
    """Call a model and give its answer as Python values.

    Args:
        url: the model's URL, ending in `/infer`.
        workspace_api_key: sent as a bearer token; else INFERLESS_API_KEY is.
        data: values by name, turned into tensors: str, bool, int (INT64), float (FP64), lists, arrays of numpy's.
        inputs: the body itself, in place of `data`.
        callback: called with `(None, answer)` or `(error, None)`; then nothing is raised.
        is_batch: put a dimension for the request before every shape.

    Raises:
        Exception: both `data` and `inputs` are given, or the status is not 200.
    """
    try:
        answer = _call(url, workspace_api_key or os.environ.get("INFERLESS_API_KEY", ""), data, inputs, is_batch)
    except Exception as failure:
        if callback is None:
            raise
        callback(failure, None)
        return None
    if callback is not None:
        callback(None, answer)
    return answer


def call_async(*args: Any, **kwargs: Any) -> threading.Thread:
    """Do the same in a thread, which is started and given."""
    thread = threading.Thread(target=call, args=args, kwargs=kwargs)
    thread.start()
    return thread


def _call(url: str, key: str, data: dict[str, Any] | None, inputs: dict[str, Any] | None, is_batch: bool) -> Any:
    if data is not None and inputs is not None:
        raise ValueError("Cannot provide both data and inputs")
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url!r} is not an http or https URL")
    body = inputs or {}
    if data is not None:
        body = {"inputs": [tensor(name, value, is_batch=is_batch) for name, value in data.items()]}
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
    sent = urllib_request.Request(url, json.dumps(body).encode(), headers, method="POST")  # noqa: S310 - checked above
    try:
        with urllib_request.urlopen(sent, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return json.loads(answer.read())
    except urllib_error.HTTPError as failure:
        text = failure.read().decode(errors="replace")
        raise Exception(f"Failed to call {url} with status code {failure.code} and response {text}") from None


def tensor(name: str, value: Any, *, is_batch: bool = False) -> dict[str, Any]:
    """Write one value as a tensor. Raises TypeError for what none stands for."""
    dtype = getattr(value, "dtype", None)
    if dtype is not None:
        value = value.tolist()
    shape: list[int] = []
    leaf: Any = value
    while isinstance(leaf, list):
        many = cast("list[Any]", leaf)
        shape.append(len(many))
        leaf = many[0] if many else None
    kind = leaf.__class__
    kinds: dict[Any, str] = {str: "BYTES", bool: "BOOL", int: "INT64", float: "FP64"}
    if kind not in kinds:
        raise TypeError(f"{name} is {type(value).__name__}: send text, a number, a bool, or a list of one of them")
    datatype = kinds[kind]
    if dtype is not None and datatype in ("INT64", "FP64"):
        datatype = str(dtype).upper().replace("FLOAT", "FP")
    dims = shape or [1]
    data = value if shape else [value]
    return {"name": name, "shape": [1, *dims] if is_batch else dims, "datatype": datatype, "data": data}
