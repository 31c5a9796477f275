"""The contract of a revision under its endpoint's name, before the first of its workers tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from hotplate.contract import Contract

if TYPE_CHECKING:
    from hotplate.deployment.records import Revision

_NAMED = frozenset(("open_inference", "openai", "mcp"))
"""Faces whose paths or answers have the project's name in them."""


def named(revision: Revision, name: str) -> Contract:
    """What the workers of the endpoint `name` will tell of a revision whose project has no name of its own.

    Its paths are needed sooner than that: an endpoint that sleeps is woken by a call that has one of them.
    """
    contract = revision.contract
    if revision.name or contract.name or not any(mount.face in _NAMED for mount in contract.mounts):
        return contract
    from hotplate.worker.boot import mount

    return mount(structs.replace(contract, name=name, mounts=()), list(revision.faces))[0]
