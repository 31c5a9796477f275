"""Which part of logs and events is wanted: from when to when, how many, of which replica. OctoAI's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hotplate.control.stamps import LATEST, parse_stamp
from hotplate.deployment.names import check_variable
from hotplate.errors import InvalidInput

DEFAULT_LINES = 100
MAX_LINES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From `begin` (seconds since 1970) up to `end`, the last `limit` of them, of one replica or of all."""

    begin: float = 0.0
    end: float = LATEST
    limit: int = DEFAULT_LINES
    replica: str | None = None

    def is_of(self, endpoint: str, number: object) -> bool:
        """Whether a replica is the wanted one: by its id or its number."""
        return self.replica is None or self.replica in (str(number), self.replica_id(endpoint, number))

    @staticmethod
    def replica_id(endpoint: str, number: object) -> str:
        """A replica's name, unique on this machine: the endpoint's with its number."""
        text = str(number)
        return text if text.startswith(f"{endpoint}-") else f"{endpoint}-{text}"


def read_span(query: Mapping[str, str]) -> Span:
    """The span that a query asks for. Raises InvalidInput."""
    limit = read_count(query.get("max_lines"), "max_lines", DEFAULT_LINES)
    return Span(
        begin=parse_stamp(query["begin_time"], "begin_time") if query.get("begin_time") else 0.0,
        end=parse_stamp(query["end_time"], "end_time") if query.get("end_time") else LATEST,
        limit=limit,
        replica=_replica(query.get("replica_id")),
    )


def read_count(text: str | None, name: str, default: int, high: int = MAX_LINES) -> int:
    """A number of a query."""
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= high):
        raise InvalidInput(f"`{name}` must be 0 to {high}.")
    return int(text)


def _replica(text: str | None) -> str | None:
    if not text:
        return None
    return text if text.isdigit() and text.isascii() and len(text) < 12 else check_variable(f"_{text}")[1:]
