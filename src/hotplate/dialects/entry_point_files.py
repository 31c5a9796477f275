"""Uploaded files as DEEPaaS's models get them: on disk, under a name of no one's choosing, gone after the call."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self


class UploadedFile(NamedTuple):
    """A file that a caller sent (DEEPaaS 2.6.0, deepaas.model.v2.wrapper).

    `name` is the argument's, `filename` the path of the temporary file, `content_type` what the caller says it is,
    `original_filename` what the caller calls it: a label, never a path to use.
    """

    name: str | None = None
    filename: str | None = None
    content_type: str | None = None
    original_filename: str | None = None


class Uploads:
    """The files of one call. They are removed when the block is left; what the model has open stays readable."""

    def __init__(self) -> None:
        self._paths: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for path in self._paths:
            Path(path).unlink(missing_ok=True)

    def saved(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Give the arguments with media in the place of which stands an UploadedFile, or a list of them."""
        return {name: self._saved(name, value) for name, value in kwargs.items()}

    def _saved(self, name: str, value: Any) -> Any:
        if isinstance(value, list):
            found: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
            return [self._saved(name, each) for each in found]
        if not hasattr(value, "to_bytes") or not hasattr(value, "content_type"):
            return value
        handle, path = tempfile.mkstemp()
        self._paths.append(path)
        with os.fdopen(handle, "wb") as file:
            file.write(value.to_bytes())
        # Code that checks the class compares with that of the package which it has imported.
        wrapper: Any = sys.modules.get("deepaas.model.v2.wrapper")
        cls: Any = getattr(wrapper, "UploadedFile", UploadedFile)
        return cls(name, path, value.content_type, value.filename)
