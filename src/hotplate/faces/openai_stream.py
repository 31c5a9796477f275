"""The events of one streamed completion, as OpenAI sends them: chunks, one with the usage if asked, and `[DONE]`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from hotplate.faces import openai_answers as answers
from hotplate.faces.openai_shapes import CHAT, Shape

if TYPE_CHECKING:
    from hotplate.faces.openai_codec import Ask

_encode = msgspec.json.Encoder().encode


class Events:
    """Writes one stream. Made for each call."""

    def __init__(
        self,
        shape: Shape,
        ask: Ask,
        tree: Callable[[Any], Any],
        broken: Callable[[BaseException, str], bytes],
    ) -> None:
        self._shape = shape
        self._ask = ask
        self._tree = tree
        self._broken = broken
        self._begun = False
        self._finish: str | None = None
        self._tools = False
        self._answered = 0
        self.said: Mapping[str, Any] | None = None

    def encode_item(self, value: Any) -> bytes:
        """One piece as a chunk. One that only tells the usage or the end gives none."""
        piece = answers.piece_of(self._shape, self._tree(value))
        self._finish = piece.finish or self._finish
        self.said = piece.usage or self.said
        return self._delta(piece.delta) if piece.delta else b""

    def whole(self, choice: dict[str, Any]) -> bytes:
        """A whole choice as one chunk and its end."""
        delta = dict(choice["message"]) if self._shape is CHAT else {"text": choice["text"]}
        if self._shape is CHAT and delta.get("tool_calls"):
            delta["tool_calls"] = [{"index": number, **each} for number, each in enumerate(delta["tool_calls"])]
        self._begun = False
        index = choice["index"]
        data = self._delta(delta, index) + self._chunk([self._part({}, index, choice["finish_reason"])])
        self._finish = ""  # said
        return data

    def encode_end(self) -> bytes:
        """Why it ended, the usage if that was asked for, and the word that nothing follows."""
        parts: list[bytes] = []
        if self._finish != "":
            reason = self._finish or ("tool_calls" if self._tools else "stop")
            start = {"role": "assistant", "content": ""} if self._shape is CHAT and not self._begun else {}
            parts.append(self._chunk([self._part(start, 0, reason)]))
        if self._ask.usage:
            used = answers.usage(self.said, self._ask.asked, self._answered)
            parts.append(self._chunk([], used))
        return b"".join((*parts, b"data: [DONE]\n\n"))

    def encode_break(self, error: BaseException, request_id: str) -> bytes:
        """An event with `error`, for which OpenAI's clients look in each."""
        return self._broken(error, request_id)

    def _delta(self, delta: dict[str, Any], index: int = 0) -> bytes:
        self._answered += answers.length(delta)
        self._tools = self._tools or bool(delta.get("tool_calls"))
        if self._shape is CHAT and not self._begun:
            delta = {"role": "assistant", "content": "", **delta}
        self._begun = True
        return self._chunk([self._part(delta, index, None)])

    def _part(self, delta: dict[str, Any], index: int, finish: str | None) -> dict[str, Any]:
        told: dict[str, Any] = {"delta": delta} if self._shape is CHAT else {"text": delta.get("text", "")}
        return {"index": index, **told, "logprobs": None, "finish_reason": finish}

    def _chunk(self, choices: list[dict[str, Any]], used: dict[str, Any] | None = None) -> bytes:
        ask = self._ask
        kind, prefix = ("chat.completion.chunk", "chatcmpl") if self._shape is CHAT else ("text_completion", "cmpl")
        chunk: dict[str, Any] = {
            "id": f"{prefix}-{ask.id}",
            "object": kind,
            "created": ask.created,
            "model": ask.model,
            "choices": choices,
        }
        if ask.usage:
            chunk["usage"] = used
        return b"data: %b\n\n" % _encode(chunk)
