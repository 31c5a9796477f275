"""Values that come in pieces: the fields of a form route, the parts and the query string of a route with media."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args, get_origin
from urllib.parse import parse_qsl

from hotplate.dialects.base import Parameter
from hotplate.errors import InvalidInput, MalformedBody
from hotplate.faces import json_limits, media_type
from hotplate.faces.base import Buffer
from hotplate.faces.details import Item, missing, value_error
from hotplate.faces.media_classes import is_union, media_class
from hotplate.faces.media_input import from_bytes
from hotplate.faces.multipart import MAX_PARTS, Part, read_multipart, read_urlencoded


def read_parts(body: bytes, content_type: str) -> list[Part]:
    """Give the parts of a form body; none for a body of any other type. Raises MalformedBody."""
    name = media_type.essence(content_type)
    if name == "multipart/form-data":
        return read_multipart(body, content_type)
    if name == "application/x-www-form-urlencoded":
        return read_urlencoded(body)
    return []


def form_values(parameters: Sequence[Parameter], parts: Sequence[Part]) -> tuple[Any, ...]:
    """Give a form route's values in order: a file per `File`, text per `str`. Of parts with one name the last counts.

    Raises InvalidInput with the items that FastAPI gives for `UploadFile` and `Form()` parameters.
    """
    by_name = {part.name: part for part in parts}
    values: list[Any] = []
    errors: list[Item] = []
    for parameter in parameters:
        name, cls = parameter.name, media_class(parameter.annotation)
        part = by_name.get(name)
        if part is None or (part.filename is None and not part.data):
            errors.append(missing("body", name))
        elif cls is None and part.filename is not None:
            errors.append(_not_text(part))
        elif cls is None:
            values.append(part.text)
        elif part.filename is None:
            errors.append(value_error("Expected UploadFile, received: <class 'str'>", "body", name, given=part.text))
        else:
            values.append(make_media(cls, part.data, part.content_type, part.filename, name))
    if errors:
        raise InvalidInput(details=errors)
    return tuple(values)


def tree_of_parts(parameters: Sequence[Parameter], parts: Sequence[Part]) -> dict[str, Any]:
    """Give what the JSON body would have been: media as values of their class, other parts as JSON or as text."""
    tree: dict[str, Any] = {}
    texts: list[tuple[str, str]] = []
    classes = {parameter.name: media_class(parameter.annotation) for parameter in parameters}
    for part in parts:
        cls = classes.get(part.name)
        if cls is None or part.filename is None:
            texts.append((part.name, part.text))
        else:
            tree[part.name] = make_media(cls, part.data, part.content_type, part.filename, part.name)
    return tree_of_texts(parameters, texts) | tree


def tree_of_query(parameters: Sequence[Parameter], query: str) -> dict[str, Any]:
    """Give what the JSON body would have been, from a query string. Raises MalformedBody for too many fields."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARTS)
    except ValueError:
        raise MalformedBody(f"Too many fields. Maximum number of fields is {MAX_PARTS}.") from None
    return tree_of_texts(parameters, pairs)


def tree_of_texts(parameters: Sequence[Parameter], texts: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Give named texts as JSON values: text for a parameter that takes a string, else JSON if it is JSON, else text.

    A name that comes several times gives a list to a parameter that takes one, else its last value.
    """
    tree: dict[str, Any] = {}
    for parameter in parameters:
        given = [text for name, text in texts if name == parameter.name]
        if not given:
            continue
        hint = parameter.annotation
        if len(given) > 1 and get_origin(hint) is list:
            element = get_args(hint)[0] if get_args(hint) else Any
            tree[parameter.name] = [_value(element, text) for text in given]
        else:
            tree[parameter.name] = _value(hint, given[-1])
    return tree


def make_media(cls: type[Any], data: Buffer, content_type: str | None, filename: str | None, name: str) -> Any:
    """Make a media value. What the class refuses becomes an InvalidInput at the parameter."""
    try:
        return from_bytes(cls, data, content_type, filename)
    except InvalidInput as error:
        item: Item = {"type": error.code, "loc": ["body", name], "msg": error.message, "input": None}
        raise InvalidInput(details=error.details or [item]) from None
    except (ValueError, TypeError):
        raise InvalidInput(details=[value_error(f"not a valid {cls.__name__}", "body", name)]) from None


def _value(hint: Any, text: str) -> Any:
    if hint is str or (is_union(hint) and str in get_args(hint)) or media_class(hint) is not None:
        return text
    try:
        return json_limits.load(text.encode("utf-8", "surrogatepass"))
    except InvalidInput:
        return text


def _not_text(part: Part) -> Item:
    given = {"filename": part.filename, "content_type": part.content_type, "size": len(part.data)}
    return {"type": "string_type", "loc": ["body", part.name], "msg": "Input should be a valid string", "input": given}
