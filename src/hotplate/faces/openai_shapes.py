"""Which routes of a contract chat, complete and embed: by their names, by their parameters, or as `openai:` says.

The rules stand in docs/faces.md. A route that is meant and does not fit is an error at start, with its file and line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from hotplate.contract import Contract, Param, Route
from hotplate.errors import ProjectError
from hotplate.faces.cortex_values import takes_whole


class Shape(NamedTuple):
    """What one path of the API asks of a route: names that say it is meant, and where its main input comes from."""

    kind: str
    path: str
    names: tuple[str, ...]
    key: str
    types: tuple[str, ...]
    by_parameter: bool


CHAT = Shape(
    "chat", "/v1/chat/completions", ("chat", "chat_completion", "chat_completions"), "messages", ("array",), True
)
COMPLETE = Shape(
    "complete", "/v1/completions", ("complete", "completion", "completions"), "prompt", ("string", "array"), True
)
EMBED = Shape("embed", "/v1/embeddings", ("embed", "embedding", "embeddings"), "input", ("array", "string"), False)
SHAPES = (CHAT, COMPLETE, EMBED)

WHOLE_BODY = "payload"
"""A predictor's parameter: it takes the body as it is."""


class Chosen(NamedTuple):
    """A route for one path. `main` is the parameter that takes the messages, the prompt or the texts."""

    shape: Shape
    route: int
    main: str
    one: bool
    """Whether it takes one text where the API may bring several."""


def choose(contract: Contract) -> list[Chosen]:
    """Find the routes. Raises ProjectError when one does not fit, several could be meant, or there is none."""
    said: Mapping[str, str] = contract.facts.get("openai", {})
    found = [chosen for shape in SHAPES if (chosen := _choose(contract, shape, said.get(shape.kind)))]
    if not found:
        listed = ", ".join(_head(route) for route in contract.routes[:5])
        raise _error(
            contract.routes[0] if contract.routes else None,
            f"faces has openai, but no route chats, completes or embeds. The routes are: {listed or 'none'}.",
            "Name one chat(messages), complete(prompt) or embed(input), or say in hotplate.yaml which one it is:"
            f" openai: {{chat: {contract.routes[0].name if contract.routes else 'predict'}}}",
        )
    return found


def _choose(contract: Contract, shape: Shape, said: str | None) -> Chosen | None:
    routes = contract.routes
    if said is not None:
        meant = [index for index, route in enumerate(routes) if said in (route.name, _last(route))]
        if not meant:
            names = ", ".join(dict.fromkeys(route.name for route in routes))
            text = f"openai: {shape.kind}: {said} in hotplate.yaml names no route. The routes are: {names}."
            raise ProjectError(text, file="hotplate.yaml", hint="Name one of them.")
        return _fitted(routes[meant[0]], meant[0], shape)
    for name in shape.names:
        meant = [index for index, route in enumerate(routes) if _last(route) == name]
        if meant:
            return _fitted(routes[meant[0]], meant[0], shape)
    if not shape.by_parameter:
        return None
    fits = [index for index, route in enumerate(routes) if _fits(route, shape)]
    main = [index for index in fits if routes[index].path == "/infer"] or fits
    if len({routes[index].name for index in main}) > 1:
        listed = ", ".join(_head(routes[index]) for index in main)
        text = f"faces has openai, and several routes take {shape.key!r}: {listed}."
        hint = f"Say in hotplate.yaml which one is for {shape.path}: openai: {{{shape.kind}: {routes[main[0]].name}}}"
        raise _error(routes[main[0]], text, hint)
    return _fitted(routes[main[0]], main[0], shape) if main else None


def _fits(route: Route, shape: Shape) -> bool:
    named = next((param for param in route.params if param.name == shape.key), None)
    return named is not None and _takes(named, shape) and _mismatch(route, shape) is None


def _fitted(route: Route, index: int, shape: Shape) -> Chosen:
    problem = _mismatch(route, shape)
    if problem is not None:
        raise _error(route, f"{_head(route)} cannot answer {shape.path}: {problem}.", _EXAMPLES[shape.kind])
    main = _main(route, shape)
    assert main is not None
    one = not takes_whole(route) and "array" not in types_of(main) and bool(types_of(main))
    return Chosen(shape, index, main.name, one)


def _mismatch(route: Route, shape: Shape) -> str | None:
    main = _main(route, shape)
    if main is None:
        return f"it has no parameter {shape.key}"
    if not takes_whole(route) and not _takes(main, shape):
        wanted = "a list of messages" if shape is CHAT else "text, or a list of texts"
        return f"{main.name} takes {main.type.annotation or ' or '.join(sorted(types_of(main)))}, not {wanted}"
    if route.body != "json":
        return "it takes a form"
    if route.returns.kind != "json":
        return f"it returns {route.returns.annotation or route.returns.kind}"
    if route.stream and shape is EMBED:
        return "it is a generator"
    return None


def _main(route: Route, shape: Shape) -> Param | None:
    wanted = WHOLE_BODY if takes_whole(route) else shape.key
    for param in route.params:
        if param.name == wanted:
            return param
    needed = [param for param in route.params if param.required]
    return needed[0] if len(needed) == 1 else None


def _takes(param: Param, shape: Shape) -> bool:
    types = types_of(param)
    return param.type.kind == "json" and (not types or bool(types & set(shape.types)))


def types_of(param: Param) -> set[str]:
    """The JSON types that a parameter takes; empty where its schema does not say, as for Any."""
    return _of_schema(param.type.schema)


def _of_schema(schema: Mapping[str, Any]) -> set[str]:
    given: Any = schema.get("type")
    if isinstance(given, str):
        return {given}
    if isinstance(given, list | tuple):
        return set(cast("list[str]", given))
    if "$ref" in schema:
        return {"object"}
    members: Any = schema.get("anyOf", schema.get("oneOf", ()))
    found = [_of_schema(member) for member in members]
    return set[str]().union(*found) if all(found) else set()


def _last(route: Route) -> str:
    return route.name.rpartition(".")[2]


def _head(route: Route) -> str:
    return f"{route.name}({', '.join(param.name for param in route.params)})"


_EXAMPLES = {
    "chat": "Write it as chat(messages: list[dict[str, Any]], temperature: float = 1.0) -> str, or -> Iterator[str].",
    "complete": "Write it as complete(prompt: str, max_tokens: int = 16) -> str, or -> Iterator[str].",
    "embed": "Write it as embed(input: list[str]) -> list[list[float]].",
}


def _error(route: Route | None, text: str, hint: str) -> ProjectError:
    source = route.source if route is not None else None
    return ProjectError(
        text, file=source.file if source else None, line=source.line if source and source.line else None, hint=hint
    )
