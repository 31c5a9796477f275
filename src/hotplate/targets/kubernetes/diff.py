"""What a change of objects is, for people: their YAML before and after, without what the cluster keeps for itself."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from hotplate.targets.kubernetes.apply import Change
from hotplate.targets.kubernetes.kinds import shown

_OWN = (
    *("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"),
    "deletionGracePeriodSeconds",
)
"""Of `metadata`: what changes by itself."""
_NUMBER = "deployment.kubernetes.io/revision"


def differences(changes: Sequence[Change], to_yaml: Callable[[Sequence[Any]], str], *, whole: bool) -> str:
    """A unified diff; no text where nothing changes. `whole`: also all lines of what comes or goes."""
    return "".join(_difference(each, to_yaml, whole) for each in changes)


def _difference(change: Change, to_yaml: Callable[[Sequence[Any]], str], whole: bool) -> str:
    name = shown(change.found)
    if not whole and (change.before is None or change.after is None):
        return f"+ {name}\n" if change.before is None else f"- {name}\n"
    before, after = (to_yaml([plain(each)]).splitlines() if each else [] for each in (change.before, change.after))
    lines = difflib.unified_diff(
        before,
        after,
        fromfile=f"{name} (now)" if before else "/dev/null",
        tofile=f"{name} (then)" if after else "/dev/null",
        lineterm="",
    )
    return "".join(f"{line}\n" for line in lines)


def plain(found: Mapping[str, Any]) -> dict[str, Any]:
    """An object without its status and what changes by itself, in one order of its keys."""
    kept = {name: value for name, value in found.items() if name != "status"}
    metadata: dict[str, Any] = {name: value for name, value in found["metadata"].items() if name not in _OWN}
    written: dict[str, Any] = metadata.pop("annotations", None) or {}
    marks = {name: value for name, value in written.items() if name not in (APPLIED, _NUMBER)}
    return _sorted({**kept, "metadata": {**metadata, **({"annotations": marks} if marks else {})}})


APPLIED = "hotplate.org/applied"
"""The annotation with what was applied last, whole, from which a rollback starts."""


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {name: _sorted(fields[name]) for name in sorted(fields)}
    if isinstance(value, list):
        return [_sorted(each) for each in cast("list[Any]", value)]
    return value
