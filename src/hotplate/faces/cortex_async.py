"""The face of a Cortex AsyncAPI in the worker: the payload as its gateway had stored it, a dictionary as the result.

Its source is Cortex 0.32 (pkg/cortex/serve/cortex_internal/lib/api/async.py). The gateway's part, ids and statuses, is
the server's: jobs in the manner `cortex`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hotplate.contract import Contract, Mount
from hotplate.edge.status import STATUS
from hotplate.errors import InvalidOutput, MalformedBody
from hotplate.faces import failures
from hotplate.faces.base import Answer, Buffer, Head
from hotplate.faces.cortex import TEXT, charset_of

if TYPE_CHECKING:
    from hotplate.dialects.base import Call


class CortexAsyncFace:
    """What callers of an AsyncAPI know: `POST /` for an id, `GET /ID` for what became of it."""

    name = "cortex_async"
    headers = ("x-request-id",)
    stream_content_type = "text/event-stream"

    def mounts(self, contract: Contract) -> tuple[Mount, ...]:
        """The gateway's paths, at the root (as inside a cluster) and at the endpoint's own path (as outside)."""
        found: list[Mount] = []
        for index, route in enumerate(contract.routes):
            for path in route.aliases or (route.path,):
                base = path.rstrip("/")
                for each in dict.fromkeys((path, f"{base}/")):
                    submit = Mount(
                        method="POST",
                        path=each,
                        face=self.name,
                        call=index,
                        job="cortex",
                        wants=("x-request-id",),
                        typed=True,
                    )
                    found += [submit, Mount(method="GET", path=each, face=self.name, status=405, content_type=TEXT)]
                found.append(Mount(method="GET", path=f"{base}/*", face=self.name, job="cortex"))
        found.append(Mount(method="GET", path="/healthz", face=self.name, answer="ok", content_type=TEXT))
        return tuple(found)

    def codec(self, call: Call, mount: Mount | None = None) -> CortexAsyncCodec:
        """Make the codec of one route."""
        return CortexAsyncCodec(call)


class CortexAsyncCodec:
    """One route's decoding and encoding."""

    __slots__ = ("_inputs",)

    def __init__(self, call: Call) -> None:
        self._inputs = tuple(parameter.name for parameter in call.parameters)

    def decode(self, body: Buffer, head: Head | None) -> tuple[Any, ...]:
        """Give `payload` and `request_id`, as far as they are asked for. The payload is always read, as Cortex did."""
        given = {
            "payload": payload(bytes(body), head.content_type if head is not None else "application/json"),
            "request_id": head.headers.get("x-request-id", "") if head is not None else "",
        }
        return tuple(given[name] for name in self._inputs)

    def encode(self, value: Any, head: Head | None, inference_ns: int, elapsed_ns: int) -> bytes | Answer:
        """Give a dictionary as JSON. Raises InvalidOutput, in Cortex's words, for anything else."""
        kind: type[Any] = value.__class__
        if not issubclass(kind, dict):
            raise InvalidOutput(f"user response must be json serializable dictionary, got {kind} instead")
        try:
            return json.dumps(value, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise InvalidOutput("user response is not json serializable") from error

    def encode_item(self, value: Any) -> bytes:
        """A predictor does not yield."""
        raise InvalidOutput("an AsyncAPI answers with one dictionary")

    def encode_end(self) -> bytes:
        """Nothing."""
        return b""

    def encode_break(self, error: BaseException, request_id: str) -> bytes:
        """Nothing."""
        return b""

    def error(self, error: BaseException, request_id: str) -> Answer:
        """The answer for an error. Never raises. What the author's code raised stays in the log."""
        if isinstance(error, MalformedBody):
            text = f"error: {error.message}\n".encode("utf-8", "replace")
            return Answer(status=STATUS[MalformedBody.code], body=text, content_type=TEXT)
        told = failures.answer(error, request_id)
        if told.status < 500:
            return told
        return Answer(status=told.status, body=b"internal server error", content_type=TEXT)


def payload(data: bytes, content_type: str) -> Any:
    """Read a body by its Content-Type: JSON, text in its charset, else its bytes. Raises MalformedBody."""
    said = f"the uploaded payload, with content-type {content_type}, could not be decoded to"
    if content_type.startswith("application/json"):
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise MalformedBody(f"{said} JSON") from None
    if content_type.startswith("text/plain"):
        charset = charset_of(content_type)
        try:
            return str(data, charset)
        except (UnicodeError, LookupError):
            raise MalformedBody(f"{said} a {charset} string") from None
    return data
