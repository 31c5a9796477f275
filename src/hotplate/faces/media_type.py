"""Content-Type and Accept, as far as faces need them (RFC 9110 §8.3 and §12.5.1)."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=256)
def essence(content_type: str) -> str:
    """Give `type/subtype` in lower case; "" for an absent type; `text/plain` for one that cannot be read (RFC 2045)."""
    name = content_type.partition(";")[0].strip().lower()
    if not name:
        return "text/plain" if content_type.strip() else ""
    return name if name.count("/") == 1 and all(name.split("/")) else "text/plain"


def is_json(name: str) -> bool:
    """Say whether an essence means JSON: `application/json` or `application/*+json`, as FastAPI has it."""
    return name == "application/json" or (name.startswith("application/") and name.endswith("+json"))


@lru_cache(maxsize=256)
def quality(accept: str, offered: str) -> float:
    """Give the weight (0 to 1) that an Accept header gives to the offered `type/subtype`.

    The most specific range that matches decides. A header that cannot be read counts as absent: 1 for everything.
    """
    family = offered.partition("/")[0]
    best = (-1, 0.0)
    readable = False
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if name.count("/") != 1:
            continue
        readable = True
        if name == offered:
            rank = 2
        elif name == family + "/*":
            rank = 1
        elif name == "*/*":
            rank = 0
        else:
            continue
        best = max(best, (rank, _weight(parameters)))
    return best[1] if readable else 1.0


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                return 0.0
            return weight if 0.0 <= weight <= 1.0 else 0.0
    return 1.0


def is_binary(name: str) -> bool:
    """Say whether an essence means bytes that are no text, some of them dangerous to whoever opens them."""
    family, _, kind = name.partition("/")
    return family in ("image", "audio", "video", "font", "model") or (
        family == "application" and any(word in kind for word in _BINARY_WORDS)
    )


_BINARY_WORDS = (
    "octet-stream",
    "pickle",
    "python",
    "x-java",
    "msgpack",
    "protobuf",
    "arrow",
    "parquet",
    "avro",
    "cbor",
    "bson",
    "hdf",
    "numpy",
    "npz",
    "onnx",
    "zip",
    "tar",
    "compress",
    "pdf",
    "php",
    "wasm",
    "executable",
)
