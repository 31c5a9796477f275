"""`proximl.exceptions`: the errors of proximl 1.0.2, by the same names, attributes and texts."""

from __future__ import annotations

from typing import Any


class ProxiMLException(Exception):
    """Base class. `message` is the text, or what came in its place."""

    def __init__(self, message: Any, *args: Any) -> None:
        super().__init__(message, *args)
        self._message = message

    @property
    def message(self) -> Any:
        """What happened."""
        return self._message

    def _shown(self) -> tuple[str, ...]:
        return (repr(self.message),)

    def __str__(self) -> str:
        return f"{type(self).__name__}({', '.join(self._shown())})"

    def __repr__(self) -> str:
        return f"{type(self).__name__}( {', '.join(self._shown())})"


class ApiError(ProxiMLException):
    """What was asked for was refused, with an HTTP status."""

    def __init__(self, status: int, data: dict[str, Any], *args: Any) -> None:
        super().__init__(data, *args)
        self._status = status
        self._message = data.get("errorMessage") or data.get("message")

    @property
    def status(self) -> int:
        """The status: 404 where there is no such job."""
        return self._status

    def _shown(self) -> tuple[str, ...]:
        return str(self.status), repr(self.message)


class JobError(ProxiMLException):
    """A job failed. `message` is the job."""

    def __init__(self, status: str, data: Any, *args: Any) -> None:
        super().__init__(data, *args)
        self._status = status

    @property
    def status(self) -> str:
        """The job's status."""
        return self._status

    def _shown(self) -> tuple[str, ...]:
        return str(self.status), str(self.message)


class ConnectionError(ProxiMLException):  # noqa: A001 - its name there
    """Nothing could be reached."""


class SpecificationError(ProxiMLException):
    """What was asked for does not make sense. `attribute` says where."""

    def __init__(self, attribute: str, message: str, *args: Any) -> None:
        super().__init__(message, *args)
        self._attribute = attribute

    @property
    def attribute(self) -> str:
        """The argument that is wrong."""
        return self._attribute

    def _shown(self) -> tuple[str, ...]:
        return str(self.attribute), str(self.message)
