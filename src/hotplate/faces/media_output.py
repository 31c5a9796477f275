"""Media as the whole answer: chosen by Accept, with a Content-Type that no caller can choose."""

from __future__ import annotations

from typing import Any, cast

from hotplate.faces import media_type
from hotplate.faces.base import Answer, Head

_HEADERS = (("vary", "accept"), ("x-content-type-options", "nosniff"))


def negotiated(value: Any, head: Head | None) -> Answer | None:
    """Give the media itself if Accept weighs its type higher than JSON; None if JSON is to be sent.

    Media that is only a URL is always sent as JSON: nothing is downloaded for an answer.
    """
    accept = head.headers.get("accept", "") if head is not None else ""
    if not accept or accept == "*/*" or not callable(getattr(value, "to_bytes", None)):
        return None
    data: Any = cast("dict[str, Any]", vars(value)).get("data")
    if data is not None and not isinstance(data, (bytes, str)):
        return None
    content_type = _content_type(value)
    if media_type.quality(accept, content_type) <= media_type.quality(accept, "application/json"):
        return None
    return Answer(body=value.to_bytes(), content_type=content_type, headers=_HEADERS)


def _content_type(value: Any) -> str:
    served = getattr(value, "served_content_type", None)
    if isinstance(served, str):
        return served
    from hotplate.media.sniff import UNKNOWN, sniff

    return sniff(value.to_bytes()[:64]) or UNKNOWN
