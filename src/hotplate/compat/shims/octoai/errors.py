"""`octoai.errors`: the exceptions of octoai-sdk 0.10.1, by the same names and with the same attributes."""

from __future__ import annotations


class OctoAIError(Exception):
    """Base class. `message` is the text; `caused_by` is the exception behind it, if any."""

    def __init__(self, message: str, caused_by: Exception | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.caused_by = caused_by

    def __repr__(self) -> str:
        cause = self.caused_by
        tail = "" if cause is None else f" caused by {type(cause).__name__}({cause})"
        return f"{type(self).__name__}({self.message}){tail}"


class OctoAIClientError(OctoAIError):
    """The endpoint answered with a 4xx status."""


class OctoAIServerError(OctoAIError):
    """The endpoint answered with a 5xx status."""


class OctoAIValidationError(OctoAIError):
    """The input or the answer is malformed."""


class OctoAIAssetReadyTimeoutError(OctoAIError):
    """An asset was not ready in time. Assets were a hosted product; nothing here raises it."""
