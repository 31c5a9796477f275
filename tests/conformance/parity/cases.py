"""What is asked of the main model of every dialect, and what must come back. `REFUSED` never reaches the model."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

REFUSED: Final = "refused"
BOTH: Final = ("plain", "open_inference")
DEFAULTS: Final = {"times": 2, "scale": 0.5, "loud": False, "tag": None, "numbers": [1, 2]}


class Case(NamedTuple):
    """Values that are sent, and those of them that come back changed; or that they are refused."""

    sent: Any
    back: Any = None
    faces: tuple[str, ...] = BOTH


def answer(sent: dict[str, Any], changed: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the model makes of it: `core.answer`, said once more."""
    given = {**DEFAULTS, **sent, **(changed or {})}
    given = {name: given[name] for name in ("text", *DEFAULTS)}
    text = given["text"] if len(given["text"]) < 1000 else str(len(given["text"]))
    kinds = [type(value).__name__ for value in given.values()]
    shown = (text.upper() if given["loud"] else text) * max(0, min(given["times"], 3))
    return {**given, "text": shown, "kinds": kinds}


PLAIN = ("plain",)
TENSORS = ("open_inference",)

CASES: dict[str, Case] = {
    "everything given": Case(
        {"text": "Añ", "times": 3, "scale": 1.5, "loud": True, "tag": "x", "numbers": [3, 2, 1]}, {}
    ),
    "only what is required": Case({"text": "a"}, {}),
    "nothing": Case({}, REFUSED),
    "required is missing": Case({"times": 1}, REFUSED),
    "a name that nobody knows": Case({"text": "a", "more": 1}, {}, PLAIN),
    "an input that nobody knows": Case({"text": "a", "more": 1}, REFUSED, TENSORS),
    "null where null is the default": Case({"text": "a", "tag": None}, {}, PLAIN),
    "null for what is required": Case({"text": None}, REFUSED),
    "null for a number": Case({"text": "a", "times": None}, REFUSED),
    "null in a list": Case({"text": "a", "numbers": [1, None]}, REFUSED),
    "empty text": Case({"text": ""}, {}),
    "text beyond the first plane, marks, right to left": Case({"text": "😀 é שלום \u0000 \u2028 ß"}, {}),
    "text with quotes and escapes": Case({"text": '"\\/\b\f\n\r\t{}%'}, {}),
    "a megabyte of text": Case({"text": "ü" * 500_000}, {}),
    "an empty list": Case({"text": "a", "numbers": []}, {}),
    "a list of one": Case({"text": "a", "numbers": [7]}, {}),
    "a long list": Case({"text": "a", "numbers": list(range(20_000))}, {}),
    "a list in a list": Case({"text": "a", "numbers": [[1, 2]]}, REFUSED, PLAIN),
    "a scalar for a list": Case({"text": "a", "numbers": 3}, REFUSED, PLAIN),
    "a list for a scalar": Case({"text": ["a", "b"]}, REFUSED),
    "an object for text": Case({"text": {"a": 1}}, REFUSED),
    "a number for text": Case({"text": 5}, REFUSED),
    "text for a number": Case({"text": "a", "times": "many"}, REFUSED),
    "a number in quotes": Case({"text": "a", "times": "3"}, {"times": 3}, PLAIN),
    "a number in quotes, as bytes": Case({"text": "a", "times": "3"}, REFUSED, TENSORS),
    "an integer for a float": Case({"text": "a", "scale": 2}, {"scale": 2.0}),
    "a whole float for an integer": Case({"text": "a", "times": 3.0}, {"times": 3}, PLAIN),
    "a float for an integer": Case({"text": "a", "times": 2.5}, REFUSED),
    "true for an integer": Case({"text": "a", "times": True}, {"times": 1}, PLAIN),
    "1 for a boolean": Case({"text": "a", "loud": 1}, {"loud": True}, PLAIN),
    "2 for a boolean": Case({"text": "a", "loud": 2}, REFUSED),
    "text for a boolean": Case({"text": "a", "loud": "maybe"}, REFUSED),
    "zero and less": Case({"text": "a", "times": -1, "numbers": [0, -1]}, {}),
    "the largest integers": Case({"text": "a", "times": 2**63 - 1, "numbers": [-(2**63), 0]}, {}),
    "an integer of more than 64 bits": Case({"text": "a", "times": 2**63}, {}, PLAIN),
    "an integer of more than 64 bits, as a tensor": Case({"text": "a", "times": 2**63}, REFUSED, TENSORS),
    "the ends of floats": Case({"text": "a", "scale": 1.7976931348623157e308}, {}),
    "the smallest float": Case({"text": "a", "scale": 5e-324}, {}),
    "minus zero": Case({"text": "a", "scale": -0.0}, {}),
}

JSON = "application/json"

BODIES: dict[str, tuple[bytes, str]] = {
    "an empty body": (b"", JSON),
    "a list": (b"[]", JSON),
    "a text": (b'"text"', JSON),
    "null": (b"null", JSON),
    "cut off": (b'{"text": "a', JSON),
    "two values": (b'{"text": "a"} {}', JSON),
    "bytes that are no text": (b'{"text": "\xff"}', JSON),
    "half a surrogate pair": (b'{"text": "\\ud800"}', JSON),
    "a key twice": (b'{"text": "a", "text": "b"}', JSON),
    "NaN": (b'{"text": "a", "scale": NaN}', JSON),
    "infinity": (b'{"text": "a", "scale": 1e999}', JSON),
    "too deep": (b'{"text": "a", "tag": ' + b"[" * 100 + b"]" * 100 + b"}", JSON),
    "a picture": (b"\x89PNG\r\n\x1a\n\xff\x00", "image/png"),
    "text of another type": (b"text: a", "text/plain"),
    "a form": (b"text=a", "application/x-www-form-urlencoded"),
    "multipart without a boundary": (b"--x--", "multipart/form-data"),
    "a type that is none": (b"\xff", "nonsense; ;;"),
}
"""Bodies that every dialect refuses in both faces, with a status below 500, before the model sees anything."""
