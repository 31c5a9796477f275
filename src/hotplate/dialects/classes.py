"""Which class of a module is the service, by one rule for real classes and for source text.

Where octoai-sdk 0.10.1 starts, the same class is chosen: the alphabetically last one that derives from Service
directly. Where it would not start, because that one is abstract or there is none, classes further down are looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hotplate.contract import Source
from hotplate.errors import ProjectError


class Candidate(NamedTuple):
    """A class visible in the service module that derives from Service, near or far.

    `name` is what it is called in that module; `key` tells classes apart; `bases` are the keys of all its ancestors.
    `concrete` says that it has an `infer`.
    """

    name: str
    key: str
    source: Source
    direct: bool
    concrete: bool
    bases: frozenset[str] = frozenset()


def choose(
    candidates: Sequence[Candidate], module: str, file: str, functions: Sequence[str] = ()
) -> tuple[Candidate, list[str]]:
    """Choose the service's class, and say what its author should know of the choice. `functions` are the module's own,
    which could be served in its stead.

    Raises:
        ProjectError: there is no class, none of them has `infer`, or several fit equally well.
    """
    if not candidates:
        text = f"Module '{module}' contains no classes extending base 'octoai.service.Service'"
        hint = "write class MyService(Service) there, after: from hotplate import Service"
        if functions:
            hint = f"to serve its functions, name them: hotplate run {' '.join(f'{file}:{name}' for name in functions)}"
        raise ProjectError(text, file=file, hint=hint)
    ordered = sorted(candidates, key=lambda candidate: candidate.name)
    direct = [candidate for candidate in ordered if candidate.direct]
    if direct and direct[-1].concrete:
        return direct[-1], _remarks(direct[-1], ordered)
    concrete = [candidate for candidate in ordered if candidate.concrete]
    if not concrete:
        last = ordered[-1]
        text = f"Can't instantiate abstract class {last.name} with abstract method infer"
        raise ProjectError(
            text, file=last.source.file, line=last.source.line, hint="add def infer(self, prompt: str) -> str"
        )
    above = {base for candidate in concrete for base in candidate.bases}
    leaves = {candidate.key: candidate for candidate in concrete if candidate.key not in above}
    if len(leaves) > 1:
        listed = ", ".join(f"{leaf.name} ({_place(leaf)})" for leaf in leaves.values())
        text = f"Module '{module}' has more than one service: {listed}"
        raise ProjectError(text, file=file, hint="say which one: --service-class " + next(iter(leaves.values())).name)
    return next(iter(leaves.values())), []


def _remarks(chosen: Candidate, candidates: Sequence[Candidate]) -> list[str]:
    others = {other.key: other for other in candidates if other.concrete and other.key != chosen.key}
    listed = ", ".join(f"{other.name} ({_place(other)})" for other in others.values())
    if not others:
        return []
    return [
        f"{chosen.name} ({_place(chosen)}) is served: of the classes that derive from Service directly its name is the "
        f"last in the alphabet; not served: {listed}; choose with --service-class"
    ]


def _place(candidate: Candidate) -> str:
    return f"{candidate.source.file}:{candidate.source.line}"
