"""What every part of an SQL store stands on: running statements, the clock, how long things are kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Protocol, TypeVar

import msgspec

from hotplate.jobs.clock import Clock
from hotplate.jobs.retention import Retention

R = TypeVar("R", bound=msgspec.Struct)


class Rows(Protocol):
    """What a statement gives."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""
        ...

    def fetchone(self) -> Any:
        """The first row."""
        ...

    def fetchall(self) -> list[Any]:
        """Every row."""
        ...


class Statements:
    """A database adds its connection, its schema and its clock. Statements have `?` where their values go."""

    SKIP_LOCKED: ClassVar[str] = ""
    """What a choice of jobs to lease adds, where several servers may choose at once."""
    SKIP_LOCKED_ROWS: ClassVar[str] = ""
    """The same for a choice from one table."""

    _clock: Clock

    def __init__(self, retention: Retention | None) -> None:
        self._retention = retention or Retention()
        self._depths: dict[str, int] = {}

    def _run(self, statement: str, values: Sequence[Any] = ()) -> Rows:
        """Run one statement."""
        raise NotImplementedError

    def _many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for many rows of values."""
        raise NotImplementedError

    def _by(self, index: str) -> str:
        """What a table's name is followed by where the planner, which does not count rows, would take another index."""
        return ""

    def _wall_s(self) -> float:
        """The time to show, in seconds since 1970."""
        raise NotImplementedError

    def _keep_rows_until(self) -> int:
        """Until when a row is kept that ends now."""
        return self._clock.now_ms() + round(self._retention.rows_s * 1000)


def columns(record: type[msgspec.Struct], *but: str) -> tuple[str, ...]:
    """The columns that a record is read from: its fields, but for some."""
    return tuple(name for name in record.__struct_fields__ if name not in but)


def listed(names: Iterable[str]) -> str:
    """Columns as a statement has them."""
    return ", ".join(names)


def record(kind: type[R], names: Sequence[str], row: Sequence[Any], **more: Any) -> R:
    """A record from a row of these columns."""
    return kind(**dict(zip(names, row, strict=True)) | more)
