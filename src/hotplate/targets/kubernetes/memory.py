"""Remembers in which cluster and namespace an endpoint was deployed last, so that it need not be named again."""

from __future__ import annotations

import msgspec

from hotplate.deployment.home import Home, write_whole

FILE = "clusters.json"
MOST = 500


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A context of the kubeconfig, and a namespace."""

    context: str
    namespace: str


def note(home: Home, name: str, place: Place) -> None:
    """Remember."""
    known = _read(home)
    known.pop(name, None)
    known[name] = place
    for old in list(known)[:-MOST]:
        del known[old]
    home.make()
    write_whole(home.root / FILE, msgspec.json.format(msgspec.json.encode(known)))


def forget(home: Home, name: str) -> None:
    """It is there no more."""
    known = _read(home)
    if known.pop(name, None) is not None:
        write_whole(home.root / FILE, msgspec.json.format(msgspec.json.encode(known)))


def find(home: Home, name: str) -> Place:
    """Where it was deployed last; empty words where that is not known."""
    return _read(home).get(name, Place(context="", namespace=""))


def _read(home: Home) -> dict[str, Place]:
    try:
        return msgspec.json.decode((home.root / FILE).read_bytes(), type=dict[str, Place])
    except (FileNotFoundError, msgspec.DecodeError, msgspec.ValidationError):
        return {}
