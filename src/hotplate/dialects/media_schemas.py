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
    data = {"type": "string", "contentEncoding": "base64", "contentMediaType": CONTENT_TYPES[kind]}
    title = kind.capitalize()
    article = "An" if title[0] in "AI" else "A"
    whole = {
        "title": title,
        "description": f"{article} {kind} as base64-encoded data or as a URL.",
        "type": "object",
        "properties": {"data": {"description": "URL reference or base64-encoded data", "anyOf": [data, url]}},
        "required": ["data"],
    }
    reference = _named(title, whole, definitions)
    return reference if mode == "serialization" else {"anyOf": [reference, data, url]}


def _named(name: str, body: Mapping[str, Any], definitions: dict[str, Mapping[str, Any]]) -> dict[str, Any]:
    if definitions.setdefault(name, body) != body:
        name += "Media"
        definitions[name] = body
    return {"$ref": _REF + name}
