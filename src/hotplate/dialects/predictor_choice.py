"""Which API of a `cortex.yaml` is served."""

from __future__ import annotations

from pathlib import Path

from hotplate.dialects.predictor_yaml import FILE, Api, read
from hotplate.errors import ProjectError


def choose(root: Path, named: str | None) -> Api:
    """Give the API that is named, else the only one.

    Raises:
        ProjectError: the file is wrong, none has that name, or there are several and none is named.
    """
    apis = read(root)
    if named is None and len(apis) == 1:
        return apis[0]
    found = next((api for api in apis if api.name == named), None)
    if found is not None:
        return found
    listed = ", ".join(f"{api.name} ({api.kind}, line {api.line})" for api in apis)
    if named is not None:
        raise ProjectError(f"{FILE} has no API called {named}; it has {listed}", file=FILE, hint="correct --api")
    raise ProjectError(f"{FILE} has several APIs: {listed}", file=FILE, hint=f"say which one: --api {apis[0].name}")


def of_entry(root: Path, entry: str) -> Api:
    """Give the API that a match's entry names (`cortex.yaml:iris`)."""
    return choose(root, entry.partition(":")[2])
