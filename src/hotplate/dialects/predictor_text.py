"""What the source text tells of a predictor: its class, the methods that calls run, and what they take."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hotplate.contract import Batching, Contract, Lifecycle, Limits, Param, Route, Source, TypeSpec
from hotplate.dialects.base import Project
from hotplate.dialects.predictor_rules import INPUTS, class_name, methods
from hotplate.dialects.predictor_yaml import Api
from hotplate.dialects.syntax import Class, Sources, first_line
from hotplate.errors import ProjectError


class Method(NamedTuple):
    """A method that calls run, read from text or from the loaded class."""

    name: str
    verb: str
    arguments: tuple[str, ...]
    asynchronous: bool = False
    doc: str = ""
    source: Source | None = None


def parse(root: Path, path: str) -> ast.Module:
    """Parse a file of the project. Raises ProjectError with the line where it is not Python."""
    try:
        return ast.parse((root / path).read_bytes(), filename=path)
    except SyntaxError as error:
        text = f"{path} is not valid Python: {error.msg}"
        raise ProjectError(text, file=path, line=error.lineno, hint="mend that line") from error
    except ValueError as error:  # a null byte
        raise ProjectError(f"{path} is not Python source: {error}", file=path, hint="save it as UTF-8") from error


def find_class(root: Path, api: Api) -> ast.ClassDef | None:
    """Give the predictor's class where it stands in the file that `path` names."""
    wanted = class_name(api)
    tree = parse(root, api.path)
    return next((node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == wanted), None)


def require_class(root: Path, api: Api) -> ast.ClassDef | None:
    """Give the class, or None where the file gets it from elsewhere.

    Raises:
        ProjectError: nothing in the file has its name. The text is Cortex's.
    """
    found = find_class(root, api)
    name = class_name(api)
    if found is None and not _is_bound(parse(root, api.path), name):
        others = [node for node in parse(root, api.path).body if isinstance(node, ast.ClassDef)]
        line = others[0].lineno if others else 1
        hint = f"call {others[0].name} so, or write class {name}:" if others else f"write class {name}:"
        raise ProjectError(
            f"error: error in {api.path}: {name} class is not defined", file=api.path, line=line, hint=hint
        )
    return found


def _is_bound(tree: ast.Module, name: str) -> bool:
    """Whether an import or an assignment may bring the name in."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [each.asname or each.name for each in node.names]
            if name in names or "*" in names:
                return True
        elif isinstance(node, ast.Name):
            if node.id == name and isinstance(node.ctx, ast.Store):
                return True
        elif isinstance(node, ast.ClassDef) and node.name == name:
            return True
    return False


def read_methods(root: Path, api: Api) -> tuple[list[Method], bool]:
    """Give the methods that calls run, and whether the class has any of its own text to tell them by."""
    found = find_class(root, api)
    if found is None:
        return [], False
    functions: dict[str, tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]] = {}
    for file, node in _ancestry(root, api, found):
        for each in node.body:
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                functions.setdefault(each.name, (file, each))
    read = [_read(name, verb, *functions[name]) for name, verb in methods(api).items() if name in functions]
    return read, True


def _ancestry(root: Path, api: Api, node: ast.ClassDef) -> list[tuple[str, ast.ClassDef]]:
    sources = Sources(root)
    dotted = api.path.removesuffix(".py").replace("/", ".")
    module = sources.module(dotted)
    if module is None:  # a path that cannot be imported by name
        return [(api.path, node)]
    start = sources.lookup(module, node.name)
    if not isinstance(start, Class):
        return [(api.path, node)]
    return [(each.module.file, each.node) for each in sources.ancestry(start)[0]]


def _read(name: str, verb: str, file: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Method:
    arguments = [each.arg for each in (*node.args.posonlyargs, *node.args.args)]
    return Method(
        name=name,
        verb=verb,
        arguments=tuple(arguments[1:]),
        asynchronous=isinstance(node, ast.AsyncFunctionDef),
        doc=ast.get_docstring(node) or "",
        source=Source(file=file, line=first_line(node)),
    )


_SCHEMAS = {
    "payload": {},
    "query_params": {"type": "object", "additionalProperties": {"type": "string"}},
    "headers": {"type": "object", "additionalProperties": {"type": "string"}},
}


def contract(
    project: Project, api: Api, found: Sequence[Method], *, entry: str, warnings: tuple[str, ...] = ()
) -> Contract:
    """Put the contract of an API together, from its source text or from the loaded class."""
    return Contract(
        dialect="predictor",
        entry=entry,
        name=project.name or api.name,
        description=project.description,
        face="cortex_async" if api.kind == "AsyncAPI" else "cortex",
        routes=tuple(_route(api, method) for method in found),
        lifecycle=Lifecycle(setup=True, shutdown=True),
        limits=Limits(slots=api.threads if api.threads > 1 else None),
        warnings=warnings,
    )


def _route(api: Api, method: Method) -> Route:
    summary, _, description = method.doc.partition("\n")
    params = tuple(
        Param(
            name=name,
            type=TypeSpec(schema=_SCHEMAS[name]),
            required=name == "payload",
            default=None if name == "payload" else {},
            location="body" if name == "payload" else "",
        )
        for name in method.arguments
        if name in INPUTS
    )
    batching = None
    if api.batch_size is not None:
        batching = Batching(max_size=api.batch_size, max_wait_ms=api.batch_interval_s * 1e3)
    return Route(
        path="/infer",
        aliases=tuple(dict.fromkeys(("/", "/predict", api.endpoint))),
        name=method.name,
        method=method.verb,
        params=params,
        asynchronous=method.asynchronous,
        batching=batching,
        summary=summary,
        description=description.strip(),
        source=method.source,
    )
