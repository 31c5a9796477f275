"""The `service` dialect: one class that derives from `Service`, its `infer` and its other public methods.

It is what octoai-sdk 0.10.1 serves. A class may derive from `hotplate.Service`, from the `octoai` shim or from the
real `octoai.service.Service`. Loading is here and imports little; reading source text is in `service_text.py`.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import MethodType, ModuleType
from typing import Any

from hotplate.authoring import PATH_MARK
from hotplate.contract import Contract, Lifecycle, Source
from hotplate.dialects.annotations import SchemaBook
from hotplate.dialects.base import Loaded, Match, Project
from hotplate.dialects.classes import Candidate, choose
from hotplate.dialects.drafts import call, routes
from hotplate.dialects.importing import failure, import_module, is_inside
from hotplate.dialects.members import HOOKS, Member, plan
from hotplate.dialects.rewriting import adapted
from hotplate.dialects.signature import read, relative, source_of
from hotplate.errors import ProjectError

DEFAULT_MODULE = "service"

_BASES = (("octoai.service", "Service"), ("hotplate.authoring", "Service"))


class ServiceDialect:
    """A class with `setup` and `infer`."""

    name = "service"

    def match(self, project: Project) -> Match | None:
        """See `Dialect.match`. Raises ProjectError where the service module is not Python or the class is unclear."""
        from hotplate.dialects import service_text

        return service_text.match(project)

    def describe(self, project: Project, match: Match) -> Contract:
        """See `Dialect.describe`."""
        from hotplate.dialects import service_text

        return service_text.describe(project, match)

    def load(self, project: Project, match: Match) -> Loaded:
        """See `Dialect.load`. Of `match` only `entry` is read."""
        module_name, _, class_name = match.entry.partition(":")
        module = _import(project, module_name)
        class_name, cls, warnings = _find(module, project.service_class, class_name, project.root)
        instance = _make(cls, project.root)
        book = SchemaBook(deep=True)
        members = _members(instance, project.root)
        made = plan(members, book)
        made_routes = routes(made.drafts, book)
        hooks = {name: _hook(instance, name) for name in HOOKS}
        contract = Contract(
            dialect=self.name,
            entry=f"{module_name}:{class_name}",
            name=project.endpoint_name,
            description=project.description or inspect.cleandoc(cls.__dict__.get("__doc__") or ""),
            routes=made_routes,
            definitions=book.definitions,
            lifecycle=Lifecycle(
                startup=hooks["on_server_startup"] is not None,
                setup=hooks["setup"] is not None,
                shutdown=hooks["on_server_shutdown"] is not None,
                store_assets=hooks["store_assets"] is not None,
            ),
            warnings=(*warnings, *made.warnings),
        )
        return Loaded(
            contract=contract,
            calls=tuple(
                call(route, drawn, adapted(getattr(instance, drawn.signature.name), drawn.signature))
                for route, drawn in zip(made_routes, made.drafts, strict=True)
            ),
            startup=hooks["on_server_startup"],
            setup=hooks["setup"],
            shutdown=hooks["on_server_shutdown"],
            store_assets=hooks["store_assets"],
        )


dialect = ServiceDialect()


def missing_module(name: str) -> str:
    """Give the text for a service module that does not exist."""
    ending = " Ensure your service is defined in service.py." if name == DEFAULT_MODULE else ""
    return f"Module '{name}' not found.{ending}"


def is_base(cls: type) -> bool:
    """Say whether a class is `Service` itself: ours, the shim's or the real package's."""
    return (cls.__module__, cls.__name__) in _BASES


def _import(project: Project, name: str) -> ModuleType:
    return import_module(name, root=project.root, missing=missing_module(name))


def _find(module: ModuleType, named: str | None, matched: str, root: Path) -> tuple[str, type, list[str]]:
    """Give the class by its name in the module, and remarks: what the author named, what was matched, or the rule's."""
    file = relative(module.__file__ or module.__name__, root)
    if named:
        return named, _named(module, named, file), []
    visible = {
        name: value
        for name, value in sorted(vars(module).items())
        if isinstance(value, type) and any(map(is_base, value.__mro__[1:])) and not is_base(value)
    }
    if len(visible) == 1 and not getattr(next(iter(visible.values())), "__abstractmethods__", None):
        return *next(iter(visible.items())), []  # the common case, without looking up source lines
    candidates = [_candidate(name, cls, root) for name, cls in visible.items()]
    chosen, remarks = choose(candidates, module.__name__, file, _functions(module))
    if matched and matched != chosen.name:  # a class made while the module ran; the source text was asked first
        return matched, _named(module, matched, file), []
    return chosen.name, visible[chosen.name], remarks


def _functions(module: ModuleType) -> list[str]:
    """A few of those that the module defines itself for others to call."""
    own = (name for name, value in vars(module).items() if inspect.isfunction(value) and name[0] != "_")
    return [name for name in own if getattr(module, name).__module__ == module.__name__][:4]


def _named(module: ModuleType, name: str, file: str) -> type:
    cls = getattr(module, name, None)
    if isinstance(cls, type) and any(map(is_base, cls.__mro__)):
        return cls
    found = "is not a class that derives from Service" if hasattr(module, name) else "does not exist"
    hint = "correct --service-class, or leave it out"
    raise ProjectError(f"{name} in module '{module.__name__}' {found}", file=file, hint=hint)


def _candidate(name: str, cls: type, root: Path) -> Candidate:
    return Candidate(
        name=name,
        key=_key(cls),
        source=_class_source(cls, root),
        direct=any(map(is_base, cls.__bases__)),
        concrete=not getattr(cls, "__abstractmethods__", None),
        bases=frozenset(_key(base) for base in cls.__mro__[1:]),
    )


def _key(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _class_source(cls: type, root: Path) -> Source:
    try:
        return Source(file=relative(inspect.getfile(cls), root), line=inspect.getsourcelines(cls)[1])
    except (OSError, TypeError):
        return Source(file=cls.__module__, line=0)


def _make(cls: type, root: Path) -> Any:
    missing: frozenset[str] = getattr(cls, "__abstractmethods__", frozenset())
    if missing:
        source = _class_source(cls, root)
        names = ", ".join(sorted(missing))
        word = "method" if len(missing) == 1 else "methods"
        text = f"Can't instantiate abstract class {cls.__name__} with abstract {word} {names}"
        hint = "add def infer(self, prompt: str) -> str" if "infer" in missing else f"write {names} in {cls.__name__}"
        raise ProjectError(text, file=source.file, line=source.line, hint=hint)
    try:
        return cls()
    except (Exception, SystemExit) as error:
        raise failure(error, root, f"{cls.__name__}() could not be made") from error


def _members(instance: Any, root: Path) -> list[Member]:
    found: dict[str, Member] = {}
    hidden: set[str] = set()
    for cls in type(instance).__mro__:
        foreign = None if is_inside(_file(cls), root) else _key(cls)
        for name, value in vars(cls).items():
            if name.startswith("_") or name in found or name in hidden:
                continue
            hidden.add(name)
            function = value if value.__class__ is staticmethod else _bound(instance, name, value)
            if function is not None:
                found[name] = _member(name, function, cls, foreign, root)
    return list(found.values())


def _bound(instance: Any, name: str, value: Any) -> Callable[..., Any] | None:
    """Give the method behind a class attribute. Properties are never read: that would run their code."""
    kind: type[Any] = value.__class__
    if isinstance(value, type) or not hasattr(kind, "__get__") or not (callable(value) or kind is classmethod):
        return None
    bound = getattr(instance, name)
    return bound if isinstance(bound, MethodType) else None


def _member(name: str, function: Any, cls: type, foreign: str | None, root: Path) -> Member:
    static = isinstance(function, staticmethod)
    inner = function.__func__ if static else function
    return Member(
        name=name,
        source=source_of(inner, root),
        read=lambda: read(function, root, name=name, owner=cls),
        path=getattr(inner, PATH_MARK, None),
        static=static,
        foreign=foreign,
    )


def _file(cls: type) -> str:
    return getattr(sys.modules.get(cls.__module__), "__file__", None) or ""


def _hook(instance: Any, name: str) -> Callable[[], Any] | None:
    """Give a hook, unless it is the empty one of the base class."""
    for cls in type(instance).__mro__:
        if name in vars(cls):
            return None if is_base(cls) else getattr(instance, name)
    return None
