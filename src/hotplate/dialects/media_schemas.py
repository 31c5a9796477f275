"""JSON Schemas of media, without importing the media classes.

A medium travels in JSON as `{"data": "<base64>"}` or `{"data": {"url": "https://…"}}`, as octoai-sdk has it; coming
in, a plain string (base64 or a data URL) and a bare `{"url": …}` stand for the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hotplate.contract import Kind

CONTENT_TYPES: Mapping[Kind, str] = {
    "image": "image/*",
    "audio": "audio/*",
    "video": "video/*",
    "file": "application/octet-stream",
}

_REF = "#/components/schemas/"

_DATA = "URL reference or base64-encoded data"
"""The description of `data` in octoai-sdk's media classes, and in ours."""

_URL: Mapping[str, Any] = {
    "title": "MediaUrl",
    "description": "Where the media is found. It is fetched when the model asks for its data.",
    "type": "object",
    "properties": {"url": {"type": "string", "format": "uri", "minLength": 1, "maxLength": 2083}},
    "required": ["url"],
}


def schema(kind: Kind, mode: str, definitions: dict[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Give the schema of a medium; what it refers to is added to `definitions`.

    Args:
        kind: any kind but `json`.
        mode: `validation` for what comes in, `serialization` for what goes out.
        definitions: the contract's named schemas. A type of the author's with the same name keeps it.
    """
    url = _named("MediaUrl", _URL, definitions)
    reference = _named(kind.capitalize(), _whole(kind, url), definitions)
    return reference if mode == "serialization" else {"anyOf": [reference, _data(kind), url]}


def same(name: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give our schema for one that pydantic made of a media class inside an author's model; any other as it is."""
    properties: Mapping[str, Mapping[str, Any]] = body.get("properties", {})
    if name == "MediaUrl" and properties.get("url", {}).get("format") == "uri" and len(properties) == 1:
        return _URL
    is_media = properties.get("data", {}).get("description") == _DATA and len(properties) == 1
    kinds: list[Kind] = [kind for kind in CONTENT_TYPES if kind.capitalize() == name]
    return _whole(kinds[0], {"$ref": _REF + "MediaUrl"}) if is_media and kinds else body


def _whole(kind: Kind, url: Mapping[str, Any]) -> dict[str, Any]:
    title = kind.capitalize()
    article = "An" if title[0] in "AI" else "A"
    return {
        "title": title,
        "description": f"{article} {kind} as base64-encoded data or as a URL.",
        "type": "object",
        "properties": {"data": {"description": _DATA, "anyOf": [_data(kind), url]}},
        "required": ["data"],
    }


def _data(kind: Kind) -> dict[str, Any]:
    return {"type": "string", "contentEncoding": "base64", "contentMediaType": CONTENT_TYPES[kind]}


def _named(name: str, body: Mapping[str, Any], definitions: dict[str, Mapping[str, Any]]) -> dict[str, Any]:
    if definitions.setdefault(name, body) != body:
        name += "Media"
        definitions[name] = body
    return {"$ref": _REF + name}
