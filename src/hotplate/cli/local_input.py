"""The words of `invoke --local` as the body and headers that a client would have sent to the route."""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING, Any, cast

from hotplate.cli.request_body import RequestBody, Style, build_body
from hotplate.errors import InvalidInput

if TYPE_CHECKING:
    from hotplate.contract import Param
    from hotplate.dialects.base import Call
    from hotplate.faces.base import Head


def request(words: list[str], style: Style, face: str, accept: str | None) -> tuple[bytes, Head]:
    """The body and what a face sees of its headers, as a client would have sent them."""
    from hotplate.faces.base import Head

    if face == "deepaas" and style == "json" and any("=@" in word for word in words):
        style = "form"  # a file of a form keeps its name and its type
        words = [each for word in words for each in _as_fields(word)]
    body = build_body(words, style)
    headers = {"accept": accept} if accept else {}
    if body.parts is not None:
        content, content_type = _multipart(body)
        return content, Head(content_type=content_type, headers=headers)
    content_type = body.content_type or "application/json"
    return body.content or b"", Head(content_type=content_type, headers=headers)


def _as_fields(word: str) -> list[str]:
    """A list as a form has it for DEEPaaS: its name several times."""
    name, equals, text = word.partition(":=")
    if not equals or "=" in name:
        return [word]
    try:
        found: Any = json.loads(text)
    except ValueError:
        return [word]
    values = cast("list[Any]", found) if isinstance(found, list) else [found]
    if any(isinstance(each, dict | list) for each in values):
        return [word]
    return [f"{name}={each if isinstance(each, str) else json.dumps(each)}" for each in values]


def _multipart(body: RequestBody) -> tuple[bytes, str]:
    import httpx

    request = httpx.Request("POST", "http://localhost", files=body.parts)
    return request.read(), request.headers["content-type"]


def typed(words: list[str], call: Call) -> list[str]:
    """Options in deepaas-cli's way, `--times 3`, into inputs by what the route's parameter takes."""
    params = {param.name: param for param in call.route.params}
    return [_input(word, params) if "\0" in word else word for word in words]


def _input(word: str, params: dict[str, Param]) -> str:
    name, _, text = word.partition("\0")
    param = params.get(name) or params.get(name.replace("-", "_"))
    if param is None:
        raise InvalidInput(f"--{name} is no input of this route. It takes: {', '.join(params) or 'none'}.")
    if param.type.kind != "json":
        return f"{param.name}=@{text.removeprefix('@')}"
    if param.type.schema.get("type") not in ("array", "object"):
        return f"{param.name}={text}"
    return f"{param.name}:={json.dumps(_literal(text, name))}"


def _literal(text: str, name: str) -> Any:
    """A list or an object, as JSON or as Python writes it (deepaas-cli reads the latter)."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        raise InvalidInput(f"--{name} takes a list or an object, such as '[1, 2]', not {text!r}.") from None
