"""Request bodies that several peers share, and how answers are read."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from bench.records import Body

_BOUNDARY = "bench-3f1a9c0e7d5b"


def as_json(value: Any) -> Body:
    """Any value as a JSON body."""
    return Body(content_type="application/json", data=json.dumps(value).encode())


def prompt(value: str) -> Body:
    """`{"prompt": …}`."""
    return as_json({"prompt": value})


def base64_field(name: str) -> Callable[[bytes], Body]:
    """`{NAME: "<base64>"}`."""
    return lambda value: as_json({name: b64encode(value).decode()})


def part(name: str) -> Callable[[bytes], Body]:
    """A multipart form with one file in it."""

    def encode(value: bytes) -> Body:
        head = (
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="image.jpg"\r\n'
            "Content-Type: image/jpeg\r\n\r\n"
        )
        data = head.encode() + value + f"\r\n--{_BOUNDARY}--\r\n".encode()
        return Body(content_type=f"multipart/form-data; boundary={_BOUNDARY}", data=data)

    return encode


def raw(value: bytes) -> Body:
    """The bytes themselves."""
    return Body(content_type="image/jpeg", data=value)


def output(data: bytes) -> Any:
    """The value of `{"output": …}`."""
    return json.loads(data)["output"]


def waited_us(data: bytes) -> float:
    """What OctoAI's envelope says of the time besides the function, in µs."""
    told = json.loads(data)["analytics"]
    return (told["performance_time_ms"] - told["inference_time_ms"]) * 1e3


def value(data: bytes) -> Any:
    """The whole answer as JSON."""
    return json.loads(data)


def text(data: bytes) -> str:
    """The answer as it stands."""
    return data.decode()
