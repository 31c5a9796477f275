"""What a revision changed for its callers: routes and inputs that came, went, or take something else."""

from __future__ import annotations

from typing import Literal, NamedTuple

from hotplate.contract import Contract
from hotplate.contract.types import Param, Route

Kind = Literal["new", "gone", "changed"]


class Change(NamedTuple):
    """One difference. `breaks`: a call that worked before may not any more."""

    kind: Kind
    text: str
    breaks: bool


def changes(before: Contract, after: Contract) -> list[Change]:
    """The differences, those that may break a caller first."""
    old = {(route.method, route.path): route for route in before.routes}
    new = {(route.method, route.path): route for route in after.routes}
    found = [Change("gone", f"{method} {path}", True) for method, path in old if (method, path) not in new]
    found += [Change("new", f"{method} {path}", False) for method, path in new if (method, path) not in old]
    for key in old.keys() & new.keys():
        found += _inside(" ".join(key), old[key], new[key])
    return sorted(found, key=lambda change: (not change.breaks, change.text))


def _inside(name: str, before: Route, after: Route) -> list[Change]:
    old = {param.name: param for param in before.params}
    new = {param.name: param for param in after.params}
    found = [Change("gone", f"{name}: input {key}", True) for key in old if key not in new]
    for key, param in new.items():
        if key not in old:
            word = "required" if param.required else "optional"
            found.append(Change("new", f"{name}: {word} input {key}: {_type(param)}", param.required))
        elif (said := _changed(old[key], param)) is not None:
            found.append(Change("changed", f"{name}: input {key}: {said[0]}", said[1]))
    if before.returns.schema != after.returns.schema or before.returns.kind != after.returns.kind:
        texts = f"{before.returns.annotation or 'any'} → {after.returns.annotation or 'any'}"
        found.append(Change("changed", f"{name}: answers {texts}", True))
    if before.stream != after.stream:
        found.append(Change("changed", f"{name}: {'streams its answer' if after.stream else 'answers at once'}", True))
    return found


def _changed(before: Param, after: Param) -> tuple[str, bool] | None:
    if before.type.schema != after.type.schema or before.type.kind != after.type.kind:
        return f"{_type(before)} → {_type(after)}", True
    if before.required != after.required:
        return ("required now", True) if after.required else ("optional now", False)
    if not after.required and before.default != after.default:
        return f"default {before.default!r} → {after.default!r}", False
    return None


def _type(param: Param) -> str:
    return param.type.annotation or param.type.kind
