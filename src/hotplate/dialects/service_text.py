"""The `service` dialect from source text: is there a service, and what does it offer. Never imports the project."""

from __future__ import annotations

import ast
import inspect

from hotplate.contract import Contract, Lifecycle, Source
from hotplate.dialects.annotations import SchemaBook
from hotplate.dialects.base import Evidence, Match, Project
from hotplate.dialects.classes import Candidate, choose
from hotplate.dialects.drafts import routes
from hotplate.dialects.members import Member, plan
from hotplate.dialects.service import DEFAULT_MODULE, missing_module
from hotplate.dialects.syntax import Class, Function, Module, Sources, first_line
from hotplate.dialects.text_signature import decorators, path_of, read_text
from hotplate.errors import ProjectError

_BASES = frozenset(("octoai.service.Service", "hotplate.authoring.Service", "hotplate.Service"))
_NOT_METHODS = frozenset(("property", "functools.cached_property", "cached_property", ".setter", ".getter", ".deleter"))


def match(project: Project) -> Match | None:
    """See `Dialect.match`.

    A module or class that is named in the project's settings matches even where the text does not show that it is
    a service, as when its base comes from an installed package; loading has the last word.
    """
    named = project.service_module is not None or project.service_class is not None
    if project.targets and not named:
        return None
    name = project.service_module or DEFAULT_MODULE
    sources = Sources(project.root)
    module = sources.module(name)
    if module is None:
        if named:
            raise ProjectError(missing_module(name), hint=f"service_module is looked for in {project.root}")
        return None
    found = _candidates(sources, module)
    if project.service_class is not None:
        entry = f"{name}:{project.service_class}"
        source = (
            found[project.service_class][0].source
            if project.service_class in found
            else Source(file=module.file, line=1)
        )
        text = f"class {project.service_class}, named by service_class"
        cls = found[project.service_class][1] if project.service_class in found else None
        return _matched(entry, source, text, store_assets=cls is not None and _stores_assets(sources, cls))
    if not found:
        return _matched(name, Source(file=module.file, line=1), "named by service_module") if named else None
    chosen, _ = choose([candidate for candidate, _ in found.values()], name, module.file)
    cls = found[chosen.name][1]
    node = cls.node
    text = f"class {node.name}({', '.join(map(ast.unparse, node.bases))})"
    stores = _stores_assets(sources, cls)
    return _matched(f"{name}:{chosen.name}", chosen.source, text, store_assets=stores)


def describe(project: Project, match: Match) -> Contract:
    """See `Dialect.describe`."""
    name, _, class_name = match.entry.partition(":")
    sources = Sources(project.root)
    module = sources.module(name)
    cls = module and sources.lookup(module, class_name)
    base = Contract(dialect="service", entry=match.entry, name=project.endpoint_name, description=project.description)
    if module is None or not isinstance(cls, Class):
        return base
    warnings: list[str] = []
    if project.service_class is None:
        _, warnings = choose([candidate for candidate, _ in _candidates(sources, module).values()], name, module.file)
    ancestry, _ = sources.ancestry(cls)
    book = SchemaBook(deep=False)
    made = plan(_members(sources, ancestry), book)
    written = _methods(ancestry)
    startup, setup, shutdown, store_assets = (
        hook in written for hook in ("on_server_startup", "setup", "on_server_shutdown", "store_assets")
    )
    return Contract(
        dialect="service",
        entry=match.entry,
        name=base.name,
        description=project.description or inspect.cleandoc(ast.get_docstring(cls.node) or ""),
        routes=routes(made.drafts, book),
        definitions=book.definitions,
        lifecycle=Lifecycle(startup=startup, setup=setup, shutdown=shutdown, store_assets=store_assets),
        warnings=(*warnings, *made.warnings),
    )


def _matched(entry: str, source: Source, text: str, *, store_assets: bool = False) -> Match:
    evidence = Evidence(file=source.file, line=source.line, text=text)
    return Match(dialect="service", entry=entry, evidence=(evidence,), store_assets=store_assets)


def _stores_assets(sources: Sources, cls: Class) -> bool:
    return "store_assets" in _methods(sources.ancestry(cls)[0])


def _methods(ancestry: list[Class]) -> set[str]:
    return {node.name for each in ancestry for node in each.node.body if isinstance(node, Function)}


def _candidates(sources: Sources, module: Module) -> dict[str, tuple[Candidate, Class]]:
    """Find the services visible in a module, by the names that they have there."""
    names = [*module.nodes, *module.imports]
    for star in module.stars:
        other = sources.module(star)
        names += [name for name in (other.nodes if other else ()) if not name.startswith("_")]
    found: dict[str, tuple[Candidate, Class]] = {}
    for name in names:
        cls = sources.lookup(module, name)
        if isinstance(cls, Class) and name not in found:
            ancestry, outside = sources.ancestry(cls)
            if outside & _BASES:
                found[name] = (_candidate(sources, name, cls, ancestry), cls)
    return found


def _candidate(sources: Sources, name: str, cls: Class, ancestry: list[Class]) -> Candidate:
    return Candidate(
        name=name,
        key=cls.key,
        source=Source(file=cls.module.file, line=first_line(cls.node)),
        direct=not _BASES.isdisjoint(_outside(sources, cls)),
        concrete=_has_infer(ancestry),
        bases=frozenset(each.key for each in ancestry[1:]),
    )


def _outside(sources: Sources, cls: Class) -> list[str]:
    bases = [sources.resolve(cls.module, base) for base in cls.node.bases]
    return [base for base in bases if isinstance(base, str)]


def _has_infer(ancestry: list[Class]) -> bool:
    for each in ancestry:
        for node in each.node.body:
            if isinstance(node, Function) and node.name == "infer":
                marks = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
                return "abstractmethod" not in marks
            if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "infer" for t in node.targets):
                return True
    return False


def _members(sources: Sources, ancestry: list[Class]) -> list[Member]:
    found: dict[str, Member | None] = {}
    for each in ancestry:
        own: dict[str, Member | None] = {}
        for node in each.node.body:
            for name, function in _definitions(node):
                if not name.startswith("_") and name not in found:
                    own[name] = None if function is None else _member(sources, each, name, function)
        found |= own
    return [member for member in found.values() if member is not None]


def _definitions(node: ast.stmt) -> list[tuple[str, Function | None]]:
    if isinstance(node, Function):
        return [(node.name, node)]
    if isinstance(node, ast.Assign):  # hides a method of the same name further up
        return [(target.id, None) for target in node.targets if isinstance(target, ast.Name)]
    return []


def _member(sources: Sources, cls: Class, name: str, node: Function) -> Member | None:
    marks = decorators(sources, cls.module, node)
    if marks & _NOT_METHODS:
        return None
    return Member(
        name=name,
        source=Source(file=cls.module.file, line=first_line(node)),
        read=lambda: read_text(sources, cls.module, node, bound=True),
        path=path_of(sources, cls.module, node),
        static="staticmethod" in marks,
    )
