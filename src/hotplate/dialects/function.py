"""The `function` dialect: functions named on the command line, `model.py:predict` or `pkg.module:predict`.

Each is served at its name with dashes, or at its `@path`; a single one also at `/infer`, so that clients that know
nothing of it can call it. Hints are optional: what has none takes any JSON value.
"""

from __future__ import annotations

import ast
import inspect
import re
import typing
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from hotplate.contract import Contract
from hotplate.dialects.annotations import SchemaBook
from hotplate.dialects.base import Evidence, Loaded, Match, Project
from hotplate.dialects.drafts import Draft, call, check, clean_path, default_path, draft, fault, routes
from hotplate.dialects.importing import import_module
from hotplate.dialects.rewriting import adapted, on_the_wire
from hotplate.dialects.signature import Signature, read, relative
from hotplate.errors import ProjectError

if typing.TYPE_CHECKING:
    from hotplate.dialects.syntax import Module, Sources

INFER_PATH = "/infer"

_EXAMPLE = "write it as model.py:predict or package.module:predict"


class Target(NamedTuple):
    """A function as named by the author. `base` is the folder that `module` starts from; `file` is set for `x.py:f`."""

    text: str
    base: Path
    module: str
    attribute: str
    file: Path | None = None

    @property
    def name(self) -> str:
        return self.attribute.rpartition(".")[2]

    @property
    def entry(self) -> str:
        return f"{self.module}:{self.attribute}"


class FunctionDialect:
    """Plain functions."""

    name = "function"

    def match(self, project: Project) -> Match | None:
        """See `Dialect.match`. Raises ProjectError for a target that does not exist."""
        if not project.targets:
            return None
        evidence: list[Evidence] = []
        targets = [parse(text, project.root) for text in project.targets]
        for target in targets:
            module = _sources(project, target).module(target.module)
            if module is None:
                _require_file(target, project.root)
                evidence.append(Evidence(file=target.module, line=0, text=f"{target.text}, named to be served"))
                continue
            node = _find_text(module, target)
            line, text = (node.lineno, f"def {node.name}") if node else (1, target.attribute)
            evidence.append(Evidence(file=module.file, line=line, text=f"{text}, named to be served"))
        return Match(dialect=self.name, entry=",".join(t.entry for t in targets), evidence=tuple(evidence))

    def describe(self, project: Project, match: Match) -> Contract:
        """See `Dialect.describe`. What is not a plain `def` at the top of its module has a route without parameters."""
        from hotplate.contract import Source
        from hotplate.dialects.text_signature import read_text

        signatures: list[Signature] = []
        documents: list[str] = []
        for target in _targets(project, match):
            sources = _sources(project, target)
            module = sources.module(target.module)
            node = module and _find_text(module, target)
            if module is not None and node is not None:
                signatures.append(read_text(sources, module, node, bound=False, name=target.name))
                documents.append(ast.get_docstring(module.tree) or "")
            else:
                source = Source(file=module.file if module else target.module, line=0)
                signatures.append(Signature(name=target.name, source=source))
        drafts, book = _drafts(signatures), SchemaBook(deep=False)
        return _contract(project, match, drafts, book, documents)

    def load(self, project: Project, match: Match) -> Loaded:
        """See `Dialect.load`. `project.targets` says what to load; without them `match.entry` does."""
        functions: list[Callable[..., Any]] = []
        signatures: list[Signature] = []
        documents: list[str] = []
        for target in _targets(project, match):
            missing = f"{target.text}: module '{target.module}' not found."
            module = import_module(target.module, root=project.root, base=target.base, missing=missing)
            function, owner = _find(module, target, project.root)
            signature = on_the_wire(read(function, project.root, name=target.name, owner=owner))
            functions.append(adapted(function, signature))
            signatures.append(signature)
            documents.append(module.__doc__ or "")
        drafts, book = _drafts(signatures), SchemaBook(deep=True)
        for drawn in drafts:
            check(drawn, book)
        contract = _contract(project, match, drafts, book, documents)
        alone = functions * len(drafts) if len(functions) == 1 else functions
        bound = zip(contract.routes, drafts, alone, strict=True)
        return Loaded(contract=contract, calls=tuple(call(route, drawn, function) for route, drawn, function in bound))


dialect = FunctionDialect()


def parse(text: str, root: Path) -> Target:
    """Read a target as typed.

    For a file the module's name starts at the topmost folder that is no package, but not above `root`: `model.py` is
    `model`, and `pkg/model.py` is `pkg.model` where `pkg` has an `__init__.py`.

    Raises:
        ProjectError: the text is neither `file.py:name` nor `module:name`.
    """
    where, colon, attribute = text.rpartition(":")
    if not colon or not where or not all(part.isidentifier() for part in attribute.split(".")):
        raise ProjectError(f"{text!r} does not name a function", hint=_EXAMPLE)
    if not where.endswith(".py"):
        if not all(part.isidentifier() for part in where.split(".")):
            raise ProjectError(f"{text!r} does not name a module", hint=_EXAMPLE)
        return Target(text, root, where, attribute)
    file = root.joinpath(where)
    parts, folder = [file.stem], file.parent
    while (folder / "__init__.py").is_file() and folder != root:
        parts.insert(0, folder.name)
        folder = folder.parent
    if not all(part.isidentifier() for part in parts):
        text = f"{where} cannot be imported: {'.'.join(parts)} is not a module name"
        raise ProjectError(text, file=where, hint="give the file a name of letters, digits and underscores")
    return Target(text, folder, ".".join(parts), attribute, file)


def _targets(project: Project, match: Match) -> list[Target]:
    return [parse(text, project.root) for text in project.targets or match.entry.split(",")]


def _sources(project: Project, target: Target) -> Sources:
    from hotplate.dialects.syntax import Sources

    return Sources(project.root, target.base)


def _require_file(target: Target, root: Path) -> None:
    if target.file is not None:
        text = f"{target.text}: there is no file {target.file}"
        raise ProjectError(text, hint=f"give the path as seen from {root}, or go there first")


def _find_text(module: Module, target: Target) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """Give the function's node; None where the name stands for something else that an import would show."""
    head = target.attribute.partition(".")[0]
    node = module.nodes.get(head)
    if head not in module.nodes and head not in module.imports and not module.stars:
        functions = [n for n, each in module.nodes.items() if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
        raise _absent(target, module.file, functions)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and head == target.attribute:
        return node
    return None


def _absent(target: Target, file: str, functions: Sequence[str]) -> ProjectError:
    from difflib import get_close_matches

    close = get_close_matches(target.attribute, functions, n=1)
    listed = ", ".join(name for name in functions if not name.startswith("_")) or "none"
    hint = f"did you mean {close[0]}?" if close else f"its functions are: {listed}"
    return ProjectError(f"{file} has no {target.attribute}", file=file, hint=hint)


def _find(module: ModuleType, target: Target, root: Path) -> tuple[Callable[..., Any], type | None]:
    value: Any = module
    names: dict[str, Any] = dict(vars(module))
    owner: type[Any] | None = None
    file = relative(module.__file__ or module.__name__, root)
    for part in target.attribute.split("."):
        owner = value if isinstance(value, type) else None
        try:
            value = getattr(value, part)
        except AttributeError as error:
            functions = [name for name, each in names.items() if inspect.isfunction(each)]
            raise _absent(target, file, functions) from error
    if isinstance(value, type):
        text = f"{target.text} is a class, not a function"
        hint = f"name an instance or a function; a class that derives from Service: --service-class {value.__name__}"
        raise ProjectError(text, file=file, hint=hint)
    if not callable(value):
        text = f"{target.text} is a {type(value).__name__}, which cannot be called"
        raise ProjectError(text, file=file, hint="name a function")
    return value, owner


def _drafts(signatures: Sequence[Signature]) -> list[Draft]:
    drafts: list[Draft] = []
    for signature in signatures:
        name = signature.name
        path = default_path(name) if signature.path is None else clean_path(signature.path, name, signature.source)
        drawn = draft(signature, path=path, typed=False)
        for other in drafts:
            if other.path == path:
                text = f"{name}() and {other.signature.name}() would both be served at {path}"
                raise fault(signature, text, 'put @path("/another") above one of them')
        drafts.append(drawn)
    if len(drafts) == 1 and drafts[0].path != INFER_PATH:
        drafts.append(drafts[0]._replace(path=INFER_PATH))
    return drafts


def _contract(
    project: Project, match: Match, drafts: Sequence[Draft], book: SchemaBook, documents: Sequence[str]
) -> Contract:
    return Contract(
        dialect="function",
        entry=match.entry,
        name=project.endpoint_name,
        description=project.description or next(_descriptions(documents), ""),
        routes=routes(drafts, book),
        definitions=book.definitions,
    )


def _descriptions(documents: Sequence[str]) -> Iterator[str]:
    return (re.sub(r"\n{3,}", "\n\n", inspect.cleandoc(text)) for text in dict.fromkeys(documents) if text)
