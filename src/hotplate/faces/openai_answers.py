"""What a function returned or yielded, as choices, pieces of choices, vectors and usage of OpenAI's API.

Values come here as JSON values. What each may be is told in docs/faces.md; anything else is the author's InvalidOutput.
"""

from __future__ import annotations

import base64
import sys
from array import array
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, NoReturn, cast

from hotplate.errors import InvalidOutput
from hotplate.faces.openai_shapes import CHAT, Shape

Members = dict[str, Any]

_BESIDE = ("usage", "finish_reason", "logprobs")
_ASIDE = (*_BESIDE, "choices", "message", "delta")
_OF_A_MESSAGE = ("content", "tool_calls", "refusal", "role", "function_call", "audio", "reasoning_content", "reasoning")
_CHARACTERS_PER_TOKEN = 4
"""OpenAI's own rule of thumb (help.openai.com, "What are tokens"), for functions that do not say what they used."""


class Piece(NamedTuple):
    """One piece of a stream: what it adds, why it is the last, and what was used up to here."""

    delta: Members
    finish: str | None = None
    usage: Mapping[str, Any] | None = None


def piece_of(shape: Shape, value: Any) -> Piece:
    """Read one piece of a stream: text, an object with some of a message's members, or a chunk as OpenAI sends it."""
    if isinstance(value, str):
        return Piece({"content": value} if shape is CHAT else {"text": value})
    given = _object(value)
    if given is None:
        _unfit(shape, value)
    usage, finish, delta = _object(given.get("usage")), given.get("finish_reason"), given
    choices: Any = given.get("choices")
    if isinstance(choices, list):
        several = cast("list[Any]", choices)
        first = _object(several[0]) if several else Members()
        if first is None:
            _unfit(shape, value)
        finish = first.get("finish_reason")
        delta = (_object(first.get("delta")) or {}) if shape is CHAT else {"text": first.get("text", "")}
    delta = _told(shape, delta)
    if not delta and usage is None and finish is None and not isinstance(choices, list):
        _unfit(shape, value)
    return Piece(delta, finish, usage)


def whole(shape: Shape, value: Any) -> tuple[list[Members], Mapping[str, Any] | None]:
    """Give the choices and the usage of a result: text, an object, a list of them, or an answer as OpenAI sends it."""
    if isinstance(value, list):
        parts = [whole(shape, each) for each in cast("list[Any]", value)]
        if not parts:
            _unfit(shape, parts)
        choices = [{**choice, "index": index} for index, (each, _) in enumerate(parts) for choice in each]
        return choices, next((used for _, used in parts if used), None)
    given = _object(value) or {}
    if isinstance(given.get("choices"), list):
        return [{"index": index, **each} for index, each in enumerate(given["choices"])], _object(given.get("usage"))
    message = _object(given.get("message"))
    if message is not None:
        value = {**message, **{name: given[name] for name in _BESIDE if name in given}}
    piece = piece_of(shape, value)
    if not piece.delta:
        _unfit(shape, value)
    return [_choice(shape, piece.delta, piece.finish, given.get("logprobs"))], piece.usage


def gathered(shape: Shape, pieces: Iterable[Piece]) -> tuple[list[Members], Mapping[str, Any] | None]:
    """Put the pieces of a stream together, for a caller that did not ask for one."""
    texts: list[str] = []
    calls: dict[int, Members] = {}
    rest: Members = {}
    finish: str | None = None
    usage: Mapping[str, Any] | None = None
    key = "content" if shape is CHAT else "text"
    for piece in pieces:
        finish, usage = piece.finish or finish, piece.usage or usage
        for name, value in piece.delta.items():
            if name == key:
                texts.append(value or "")
            elif name == "tool_calls":
                for each in value or ():
                    _merge(calls, each)
            elif isinstance(value, str) and name != "role" and isinstance(rest.get(name), str):
                rest[name] += value
            else:
                rest[name] = value
    delta: Members = {**rest, key: "".join(texts) if texts or not calls else None}
    if calls:
        delta["tool_calls"] = [calls[index] for index in sorted(calls)]
    return [_choice(shape, delta, finish, None)], usage


def _merge(calls: dict[int, Members], part: Members) -> None:
    """Add a part of a tool call to the one at its index: its arguments come as pieces of one text."""
    part = dict(part)
    index = part.pop("index", len(calls))
    known = calls.get(index)
    if known is None:
        calls[index] = part
        return
    more: Members = part.get("function") or {}
    function: Members = dict(known.get("function") or {})
    function["arguments"] = function.get("arguments", "") + more.get("arguments", "")
    known["function"] = {**more, **function}


def _choice(shape: Shape, delta: Members, finish: str | None, logprobs: Any) -> Members:
    if shape is not CHAT:
        return {"index": 0, "text": delta["text"], "logprobs": logprobs, "finish_reason": finish or "stop"}
    message: Members = {"role": "assistant", "content": None, **delta}
    finish = finish or ("tool_calls" if message.get("tool_calls") else "stop")
    return {"index": 0, "message": message, "logprobs": logprobs, "finish_reason": finish}


def _told(shape: Shape, given: Members) -> Members:
    """The members that make a message or a text, out of an object that may name its one text as it likes."""
    own = {name: value for name, value in given.items() if name not in _ASIDE}
    if shape is CHAT:
        if any(name in own for name in _OF_A_MESSAGE):
            return own
        text = _only_text(own)
        return {} if text is None else {"content": text}
    if isinstance(own.get("text"), str):
        return {"text": own["text"]}
    text = _only_text(own)
    return {} if text is None else {"text": text}


def _object(value: Any) -> Members | None:
    return cast("Members", value) if isinstance(value, dict) else None


def _only_text(own: Members) -> str | None:
    texts = [value for value in own.values() if isinstance(value, str)]
    return texts[0] if len(texts) == 1 else None


def _unfit(shape: Shape, value: Any) -> NoReturn:
    wanted = "a message (content, tool_calls)" if shape is CHAT else "a text"
    if isinstance(value, dict):
        shown = f"an object of {', '.join(map(str, cast('Members', value))) or 'nothing'}"
    else:
        shown = f"{type(value).__name__}"
    raise InvalidOutput from ValueError(f"{shape.path} needs text, or an object with {wanted}, and got {shown}")


# -- usage


def tokens(characters: int) -> int:
    """Guess how many tokens a text has."""
    return -(-characters // _CHARACTERS_PER_TOKEN)


def usage(said: Mapping[str, Any] | None, asked: int, answered: int | None) -> Members:
    """Give the usage as the function said it; what it did not say is guessed from the lengths of the texts."""
    found: Members = dict(said or {})
    prompt = found.setdefault("prompt_tokens", tokens(asked))
    if answered is None:
        return {**found, "total_tokens": found.get("total_tokens", prompt)}
    completion = found.setdefault("completion_tokens", tokens(answered))
    found.setdefault("total_tokens", prompt + completion)
    return found


def length(delta: Members) -> int:
    """How many characters of text a piece or a message has."""
    return sum(len(value) for name, value in delta.items() if isinstance(value, str) and name != "role")


# -- vectors


def vectors(value: Any, count: int) -> tuple[list[list[float]], Mapping[str, Any] | None]:
    """Give one vector per text, and the usage if the function told it."""
    said: Mapping[str, Any] | None = None
    if isinstance(value, dict):
        given = cast("Members", value)
        said = _object(given.get("usage"))
        value = next((given[name] for name in ("embeddings", "embedding", "data", "vectors") if name in given), None)
    rows: Any = value
    if isinstance(rows, list) and rows and not isinstance(rows[0], list | dict):
        rows = [rows]
    if not isinstance(rows, list):
        raise InvalidOutput from ValueError(f"/v1/embeddings needs a list of vectors, and got {type(rows).__name__}")
    found = [_vector(row) for row in cast("list[Any]", rows)]
    if len(found) != count:
        raise InvalidOutput from ValueError(
            f"/v1/embeddings needs a vector for each text: {count}, and got {len(found)}"
        )
    return found, said


def _vector(row: Any) -> list[float]:
    if isinstance(row, dict):
        row = cast("Members", row).get("embedding")
    numbers: Any = row
    if not isinstance(numbers, list) or not all(type(each) in (int, float) for each in cast("list[Any]", numbers)):
        raise InvalidOutput from ValueError("/v1/embeddings needs vectors of numbers")
    return cast("list[float]", numbers)


def packed(vector: list[float]) -> str:
    """Write a vector as OpenAI's clients ask for it: base64 of 32-bit floats, the lowest byte first."""
    floats = array("f", vector)
    if sys.byteorder == "big":
        floats.byteswap()
    return base64.b64encode(floats.tobytes()).decode()
