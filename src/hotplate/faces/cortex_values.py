"""What a predictor gets as `query_params`, `headers` and the payload of a form.

They have the methods that people use of Starlette's QueryParams, Headers and FormData, which Cortex gave.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from typing import Any, Generic, TypeVar

from hotplate.contract import Route

V = TypeVar("V")

INPUTS = frozenset(("payload", "query_params", "headers"))
"""What a predictor may ask for of a request."""


def takes_whole(route: Route) -> bool:
    """Say whether a route is a predictor's: its one input is the body as a whole."""
    names = {param.name for param in route.params}
    return "payload" in names and names <= INPUTS


class MultiMap(Mapping[str, V], Generic[V]):
    """Names with one or more values each. `params["a"]` is the last one given."""

    __slots__ = ("_items", "_map")

    def __init__(self, items: Iterable[tuple[str, V]]) -> None:
        self._items = list(items)
        self._map = dict(self._items)

    def __getitem__(self, key: str) -> V:
        return self._map[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._map)

    def __len__(self) -> int:
        return len(self._map)

    def getlist(self, key: str) -> list[V]:
        """Every value of a name, in the order of the request."""
        return [value for name, value in self._items if name == key]

    def multi_items(self) -> list[tuple[str, V]]:
        """Every pair, in the order of the request."""
        return list(self._items)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._items!r})"


class QueryParams(MultiMap[str]):
    """The query string."""


class Headers(MultiMap[str]):
    """The request's headers; their names are found in any case."""

    def __getitem__(self, key: str) -> str:
        return self._map[key.lower()]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key.lower() in self._map

    def getlist(self, key: str) -> list[str]:
        """Every value of a header."""
        return super().getlist(key.lower())


class UploadFile:
    """A file of a multipart form. `file` is open for reading, in memory."""

    def __init__(self, data: bytes, filename: str, content_type: str | None) -> None:
        self.filename = filename
        self.content_type = content_type or ""
        self.size = len(data)
        self.file = BytesIO(data)

    async def read(self, size: int = -1) -> bytes:
        """Read from the file."""
        return self.file.read(size)

    async def seek(self, offset: int) -> None:
        """Move in the file."""
        self.file.seek(offset)

    async def close(self) -> None:
        """Close the file."""
        self.file.close()


class FormData(MultiMap[Any]):
    """A form: text for fields, `UploadFile` for files."""
