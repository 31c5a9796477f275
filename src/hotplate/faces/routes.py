"""The routes face: an endpoint of proxiML. A JSON object or a query in, the function's value as JSON out, no envelope.

proxiML's server is FastAPI, so errors are FastAPI's. Where this differs on purpose is listed, with the reasons, in
docs/coming-from-proximl.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from hotplate.contract import Contract, Mount
from hotplate.dialects.base import Parameter
from hotplate.errors import InvalidInput, MalformedBody
from hotplate.faces import failures, json_limits
from hotplate.faces.base import Answer, Buffer, Head
from hotplate.faces.encoding import Result
from hotplate.faces.plain import PlainCodec

if TYPE_CHECKING:
    from hotplate.dialects.base import Call

QUERY_VERBS: Final = ("GET", "DELETE")
"""Verbs whose calls have their values in the query. A DELETE may have a body all the same."""
MAX_QUERY_FIELDS: Final = 1000
FAILED: Final = Answer(status=500, body=b"Internal Server Error", content_type="text/plain; charset=utf-8")


class RoutesFace:
    """What callers of a proxiML endpoint know."""

    name = "routes"
    headers = ()
    stream_content_type = "text/event-stream"

    def mounts(self, contract: Contract) -> tuple[Mount, ...]:
        """Every route at its own path and verb; of a path that ends in a slash, the form without one as well."""
        from hotplate.faces.routes_document import operation

        found: list[Mount] = []
        operations: set[str] = set()
        count: int = contract.facts.get("routes", len(contract.routes))
        for index, route in enumerate(contract.routes[:count]):
            described = operation(route, operations)
            for path in dict.fromkeys((route.path, route.path.rstrip("/") or "/")):
                described = described if path == route.path else None
                found.append(Mount(method=route.method, path=path, face=self.name, call=index, operation=described))
        return tuple(found)

    def codec(self, call: Call, mount: Mount | None = None) -> RoutesCodec:
        """Make the codec of one route. Raises ProjectError for annotations that cannot be put on the wire."""
        return RoutesCodec(call, mount.method if mount is not None else call.route.method)


class RoutesCodec:
    """One route's decoding and encoding. Used by many threads at once: nothing here changes after it is made."""

    __slots__ = ("_by_body", "_by_query", "_method", "_parameters", "_plain", "_result")

    def __init__(self, call: Call, method: str) -> None:
        self._parameters = call.parameters
        self._method = method
        self._plain = PlainCodec(call)
        self._result = Result(call)
        self._by_body = self._plain.decode
        self._by_query: Any = None
        if method in QUERY_VERBS and call.parameters:
            from hotplate.faces.validation import Inputs

            self._by_query = Inputs(call.parameters).validate

    # -- in ----------------------------------------------------------------------------------------------------

    def decode(self, body: Buffer, head: Head | None) -> tuple[Any, ...]:
        """Give the parameters' values in order. Raises InvalidInput."""
        if self._by_query is None or (self._method == "DELETE" and len(body)):
            return self._by_body(body, head) if self._parameters else ()
        tree = query_tree(self._parameters, head.query if head is not None else "")
        try:
            return self._by_query(tree)
        except InvalidInput as error:
            raise InvalidInput(details=[_in_query(item) for item in error.details]) from None

    # -- out ---------------------------------------------------------------------------------------------------

    def encode(self, value: Any, head: Head | None, inference_ns: int, elapsed_ns: int) -> bytes | Answer:
        """Give the value as JSON. Raises InvalidOutput, and the value itself if it is an exception."""
        return self._result.encode(value)

    def encode_item(self, value: Any) -> bytes:
        """One piece of a stream of another dialect, as a server-sent event."""
        return self._plain.encode_item(value)

    def encode_end(self) -> bytes:
        """What closes a stream."""
        return self._plain.encode_end()

    def encode_break(self, error: BaseException, request_id: str) -> bytes:
        """An event of type `error`."""
        return self._plain.encode_break(error, request_id)

    def error(self, error: BaseException, request_id: str) -> Answer:
        """The answer for an error. Never raises. What the author's code raised stays in the log, as with FastAPI."""
        answer = failures.answer(error, request_id)
        return FAILED if answer.status == 500 and failures.code_of(error) != "http_error" else answer


def query_tree(parameters: tuple[Parameter, ...], query: str) -> dict[str, Any]:
    """Give what a JSON body would have held. Objects and lists are JSON; a list may also be its name several times.

    Raises MalformedBody for too many fields.
    """
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS)
    except ValueError:
        raise MalformedBody(f"The query has too many fields: more than {MAX_QUERY_FIELDS}.") from None
    given: dict[str, list[str]] = {}
    for name, text in pairs:
        given.setdefault(name, []).append(text)
    return {
        parameter.name: _value(parameter, given[parameter.name]) for parameter in parameters if parameter.name in given
    }


def _value(parameter: Parameter, texts: list[str]) -> Any:
    kinds: tuple[Any, ...] = getattr(parameter.annotation, "__args__", None) or (parameter.annotation,)
    text = texts[-1]
    if text == "null" and parameter.default is None:
        return None
    if list in kinds:
        found = _json(text) if len(texts) == 1 else texts
        return found if isinstance(found, list) else texts  # pyright: ignore[reportUnknownVariableType]
    return _json(text) if dict in kinds else text


def _json(text: str) -> Any:
    try:
        return json_limits.load(text.encode("utf-8", "surrogatepass"))
    except InvalidInput:
        return text


def _in_query(item: dict[str, Any]) -> dict[str, Any]:
    found = {**item, "loc": ["query", *item["loc"][1:]]}
    if item["type"] == "missing":
        found["input"] = None  # as FastAPI has it: there is no object around a query's values
    return found
