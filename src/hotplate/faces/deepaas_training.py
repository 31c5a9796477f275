"""A training in DEEPaaS's words, in the worker: its arguments as its record shows them, its result or its message."""

from __future__ import annotations

import json
from typing import Any

from hotplate.dialects.base import ABSENT
from hotplate.errors import HotplateError, InvalidInput
from hotplate.faces.base import Answer, Head
from hotplate.faces.deepaas_codec import JSON, DeepaasCodec


class TrainingCodec(DeepaasCodec):
    """The codec of a `train` route. Its answers are kept by the jobs of the server, and never sent as they are."""

    __slots__ = ()

    def describe(self, values: tuple[Any, ...]) -> bytes:
        """The arguments, as the training's record shows them."""
        pairs = zip(self._arguments, values, strict=True)
        return json.dumps({each.key: _shown(value) for each, value in pairs if value is not ABSENT}).encode()

    def encode(self, value: Any, head: Head | None, inference_ns: int, elapsed_ns: int) -> bytes | Answer:
        """What train() returned, as far as JSON can hold it; of anything else its text."""
        return Answer(body=json.dumps(value, default=str).encode(), content_type=JSON)

    def error(self, error: BaseException, request_id: str) -> Answer:
        """As DEEPaaS, which shows what train() raised to whoever asks for the training."""
        if isinstance(error, InvalidInput | HotplateError):
            return super().error(error, request_id)
        return Answer(status=500, body=json.dumps({"message": str(error)}).encode(), content_type=JSON)


def _shown(value: Any) -> Any:
    if hasattr(value, "content_type") and hasattr(value, "filename"):
        return ["data", value.content_type, value.filename]
    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return str(value)
    return value
