"""What hints share whose values are lists of numbers on the wire, and something of another package in the function."""

from __future__ import annotations

from typing import Any

from hotplate.dialects.base import ValueReader


class ListHint(ValueReader):
    """Has pydantic read by `read` and write by the value's own `tolist`. `example` is for who tries it by hand."""

    __slots__ = ()
    example: list[Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Read and write through this class."""
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            self.read, serialization=core_schema.plain_serializer_function_ser_schema(_as_lists)
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        """A list, of which no schema can say how deep it goes."""
        return {"type": "array", "items": {}, "examples": [self.example]}


def refused(text: str) -> Exception:
    """The error, pydantic's, for what a caller sent."""
    from pydantic_core import PydanticCustomError

    return PydanticCustomError("array_type", text)  # pyright: ignore[reportArgumentType]


def no_list() -> Exception:
    """The error for what is no list at all."""
    return refused("Input should be a list of numbers, or of such lists")


def _as_lists(value: Any) -> Any:
    return value.tolist()
