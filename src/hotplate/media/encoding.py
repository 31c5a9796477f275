"""Media as text: base64 and data URLs (RFC 2397)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import pybase64

from hotplate.errors import InvalidMedia

_DATA_URL_HEAD_CHARS: Final = 256
_CONTENT_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}")

NOT_BASE64: Final = (
    'The data is not base64. Send base64 text, a data URL, or {"url": "https://..."} for media that lies elsewhere.'
)


def decode_base64(text: str | bytes | bytearray | memoryview) -> bytes:
    """Decode base64. Line breaks and blanks, as the `base64` command writes them, are skipped; anything else that is
    outside of the alphabet, or wrong padding, raises InvalidMedia.
    """
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        pass
    try:
        packed = text.encode("ascii") if isinstance(text, str) else bytes(text)
        return pybase64.b64decode(packed.translate(None, b" \t\r\n"), validate=True)
    except ValueError:
        raise InvalidMedia(NOT_BASE64) from None


def encode_base64(data: bytes) -> bytes:
    """Encode bytes as base64 (standard alphabet, padded, on one line)."""
    return pybase64.b64encode(data)


def is_data_url(text: str) -> bool:
    """Say whether `text` is a data URL. Base64 has no colon, so that nothing else looks like one."""
    return text[:5].lower() == "data:"


def decode_data_url(url: str) -> tuple[bytes, str | None]:
    """Give a data URL's bytes and its content type, where it names one. Raises InvalidMedia."""
    comma = url.find(",", 5, _DATA_URL_HEAD_CHARS)
    if comma < 0:
        raise InvalidMedia("The data URL has no comma after its media type (data:image/png;base64,...).")
    head, *options = url[5:comma].split(";")
    if options and options[-1].strip().lower() == "base64":
        data = decode_base64(url[comma + 1 :])
    else:
        from urllib.parse import unquote_to_bytes

        data = unquote_to_bytes(url[comma + 1 :])
    return data, clean_content_type(head)


@lru_cache(maxsize=64)
def clean_content_type(value: str | None) -> str | None:
    """Give `type/subtype` in lower case without parameters, or None for what is not a content type (RFC 9110)."""
    name = (value or "").partition(";")[0].strip().lower()
    return name if _CONTENT_TYPE.fullmatch(name) else None
