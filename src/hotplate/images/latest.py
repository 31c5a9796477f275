"""Remembers which image was built last of a project, so that its tag need not be typed."""

from __future__ import annotations

from pathlib import Path

import msgspec

from hotplate.deployment.home import Home, write_whole

FILE = "images.json"
MOST = 200


def note(home: Home, project: Path, tag: str) -> None:
    """Remember."""
    known = _read(home)
    known.pop(str(project), None)
    known[str(project)] = tag
    for old in list(known)[:-MOST]:
        del known[old]
    write_whole(home.root / FILE, msgspec.json.format(msgspec.json.encode(known)))


def find(home: Home, project: Path) -> str | None:
    """The tag of the last image of this project."""
    return _read(home).get(str(project))


def _read(home: Home) -> dict[str, str]:
    try:
        return msgspec.json.decode((home.root / FILE).read_bytes(), type=dict[str, str])
    except (FileNotFoundError, msgspec.DecodeError, msgspec.ValidationError):
        return {}
