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
        space = " " if type(self) is ProxiMLException else ""
        return f"{type(self).__name__}({space}{', '.join(self._shown())})"


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


class _FailedError(ProxiMLException):
    """Something of the platform's is in a bad state. `message` is that something."""

    def __init__(self, status: str, data: Any, *args: Any) -> None:
        super().__init__(data, *args)
        self._status = status

    @property
    def status(self) -> str:
        """The state."""
        return self._status

    def _shown(self) -> tuple[str, ...]:
        return str(self.status), str(self.message)


class JobError(_FailedError):
    """A job failed. `message` is the job."""


class DatasetError(_FailedError):
    """Never raised here; scripts may name it."""


class ModelError(_FailedError):
    """Never raised here; scripts may name it."""


class CheckpointError(_FailedError):
    """Never raised here; scripts may name it."""


class VolumeError(_FailedError):
    """Never raised here; scripts may name it."""


class NodeError(_FailedError):
    """Never raised here; scripts may name it."""


class ProviderError(_FailedError):
    """Never raised here; scripts may name it."""


class RegionError(_FailedError):
    """Never raised here; scripts may name it."""


class ConnectionError(ProxiMLException):  # noqa: A001 - its name there
    """Nothing could be reached."""

    def _shown(self) -> tuple[str, ...]:
        return (str(self.message),)


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
