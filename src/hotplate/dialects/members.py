"""Which methods of a service are served, and where. The rules are octoai-sdk 0.10.1's, with the differences listed in
`docs/coming-from-octoai.md`; they hold for real classes and for source text alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from hotplate.contract import Source
from hotplate.dialects.annotations import SchemaBook
from hotplate.dialects.base import MISSING
from hotplate.dialects.drafts import Draft, check, clean_path, default_path, draft, fault
from hotplate.dialects.rewriting import on_the_wire
from hotplate.dialects.signature import Signature
from hotplate.errors import ProjectError

HOOKS = ("on_server_shutdown", "on_server_startup", "setup", "store_assets")
INFER = "infer"
FORM = "infer_form_data"
RESERVED = frozenset((*HOOKS, INFER, FORM))
"""Method names with a meaning of their own; they are never served at their name."""


class Member(NamedTuple):
    """A public method of a service (its name has no leading underscore), found but not yet read.

    `path` is what `@path` says. `foreign` names the class that defines it, where that class lies outside the project.
    """

    name: str
    source: Source
    read: Callable[[], Signature]
    path: str | None = None
    static: bool = False
    foreign: str | None = None


class Plan:
    """The drafts of a service in the order of its routes, and what its author should know."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.warnings: list[str] = []

    def add(self, drawn: Draft) -> None:
        """Serve a draft, unless its path is taken: then the first keeps it, as it would have in OctoAI."""
        for other in self.drafts:
            if other.path == drawn.path:
                name, where = drawn.signature.name, _place(drawn.signature.source)
                first = other.signature.name
                self.warnings.append(f"{name}() ({where}) is not served: {first}() has the path {drawn.path}")
                return
        self.drafts.append(drawn)


def plan(members: Sequence[Member], book: SchemaBook) -> Plan:
    """Choose the routes of a service.

    `infer`, `infer_form_data` and whatever has `@path` are served or are an error. Any other public method is
    served where it can be, and else left alone with a warning: it may well be a helper.

    Raises:
        ProjectError: a method that must be served breaks a rule.
    """
    made = Plan()
    named = {member.name: member for member in members}
    if infer := named.get(INFER):
        _add_infer(made, infer, book)
    if form := named.get(FORM):
        _add_form(made, form, book)
    silent = _silent_classes(members, made, book)
    for name in sorted(named):
        member = named[name]
        if name in RESERVED:
            continue
        if member.static:
            if member.path is not None:
                where = _place(member.source)
                made.warnings.append(f"{name}() ({where}) is not served: it is a static method")
        elif member.foreign is None or member.foreign not in silent:
            _add_extra(made, member, book)
    return made


def _add_infer(made: Plan, member: Member, book: SchemaBook) -> None:
    if member.path not in (None, "/infer"):
        where = _place(member.source)
        made.warnings.append(f"@path({member.path!r}) on infer() ({where}) has no effect: infer() is served at /infer")
    drawn = draft(on_the_wire(member.read()), path="/infer", typed=True)
    check(drawn, book)
    made.add(drawn)


def _add_form(made: Plan, member: Member, book: SchemaBook) -> None:
    signature = member.read()
    if member.path is None:
        text = "infer_form_data() must be decorated with @path() when using form-data inference."
        raise fault(signature, text, 'write @path("/infer-form-data") above it')
    path = clean_path(member.path, member.name, member.source)
    if path == "/infer":
        raise fault(signature, "Cannot use /infer for form-data inference.", "choose another path, /infer-form-data")
    drawn = draft(signature, path=path, typed=True, form=True)
    check(drawn, book)
    made.add(drawn)
    if idle := [argument.name for argument in signature.arguments if argument.default is not MISSING]:
        where = _place(member.source)
        made.warnings.append(f"the defaults of infer_form_data() ({where}) have no effect: {', '.join(idle)}")


def _add_extra(made: Plan, member: Member, book: SchemaBook) -> None:
    try:
        drawn = _draw(member, book)
    except ProjectError as error:
        if member.path is not None:
            raise
        made.warnings.append(_unserved(member, error.message))
    else:
        if drawn.path != member.path and member.path is not None:
            made.warnings.append(f"@path({member.path!r}) of {member.name}() is served at {drawn.path}")
        made.add(drawn)


def _draw(member: Member, book: SchemaBook) -> Draft:
    path, signature = default_path(member.name), member.read()
    if member.path is not None:  # else one that takes arrays or pictures is a helper
        path = clean_path(member.path, member.name, member.source)
        signature = on_the_wire(signature)
    drawn = draft(signature, path=path, typed=True)
    check(drawn, book)
    return drawn


def _silent_classes(members: Sequence[Member], made: Plan, book: SchemaBook) -> set[str]:
    """Find the classes of other packages that were not written to be served.

    A service may inherit from a library's class (`torch.nn.Module`), and nobody asked to put that class's methods
    on the network. OctoAI would not have started unless all of them followed its rules, so that is what is asked.
    """
    silent: set[str] = set()
    for member in members:
        is_extra = member.name not in RESERVED and not member.static
        if member.foreign is None or member.foreign in silent or not is_extra:
            continue
        try:
            if _draw(member, book).signature.returns is MISSING:
                raise ProjectError(f"{member.name}() requires a return type annotation")
        except ProjectError as error:
            silent.add(member.foreign)
            text = f"the methods of {member.foreign} are not served: {error.message}"
            made.warnings.append(text)
    return silent


def _unserved(member: Member, reason: str) -> str:
    advice = f"annotate it to serve it, or name it _{member.name} to keep it private"
    return f"{member.name}() ({_place(member.source)}) is not served: {reason}; {advice}"


def _place(source: Source) -> str:
    return f"{source.file}:{source.line}"
