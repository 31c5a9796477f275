"""How `hotplate serve --replica` is run in a cell: for every target the same words, variables and record.

The replica prints one line on its standard output once its port is bound: `{"port": 40123}`; its log goes to standard
error. It ends when it is told to over the link, at SIGTERM, when no server has asked for it for a while, and, where its
standard input is a pipe, when that ends: whoever started it holds the other end.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import structs

from hotplate.deployment.records import Revision
from hotplate.errors import SettingError

LATER = "-"
"""In the place of a record: the replica is started before it is known what it serves. It has its modules loaded, and
waits for one line of JSON on its standard input (`Told`)."""

TOKEN_VARIABLE = "HOTPLATE_REPLICA_TOKEN"  # noqa: S105 - the name of a variable
"""What the replica asks of whoever calls it. The replica takes it out of its variables: its worker does not see it."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a replica that waits is told: its record, and the variables that others are started with."""

    record: Revision
    environment: dict[str, str]


def read_told(line: bytes) -> Told:
    """What a replica is told that has waited. Raises SettingError where it cannot be read."""
    try:
        return msgspec.json.decode(line, type=Told)
    except msgspec.DecodeError as error:
        raise SettingError(f"The line on standard input does not say what to serve: {error}.") from None


def record_of(revision: Revision, *, root: str | Path | None = None, python: str | Path | None = None) -> bytes:
    """What the replica reads to know what it serves (JSON), with the places at which it lies in the cell.

    `root` is the folder of the revision's files there, `python` the interpreter of its environment there, in which
    Hotplate's worker can be imported; None: as on this machine.
    """
    moved = structs.replace(revision, root=str(root or revision.root), python=str(python or revision.python))
    return msgspec.json.encode(moved)


def read_record(path: Path) -> Revision:
    """What a replica serves. Raises SettingError where that cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Revision)
    except OSError as error:
        raise SettingError(f"The record {path} cannot be read: {error.strerror}.") from None
    except msgspec.DecodeError as error:
        raise SettingError(f"The record {path} says of no revision what it is: {error}.") from None


def replica_words(python: str | Path, record: str | Path = "") -> list[str]:
    """The command. `python` is an interpreter with Hotplate itself, `record` a file with what `record_of` gives.

    None: what the image says in which it runs.
    """
    return [str(python), "-P", "-m", "hotplate.cli", "serve", "--replica", *([str(record)] if record else [])]


def replica_variables(token: str, *, host: str, port: int = 0, cert: str = "", key: str = "") -> Mapping[str, str]:
    """What has to stand in its environment besides the cell's own. `port` 0: a free one, which it prints.

    With `cert` and `key`, files in PEM there, it speaks TLS.
    """
    tls = {"HOTPLATE_LINK_CERT": cert, "HOTPLATE_LINK_KEY": key} if cert else {}
    return {TOKEN_VARIABLE: token, "HOTPLATE_HOST": host, "HOTPLATE_PORT": str(port), **tls}
