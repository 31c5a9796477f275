"""Reading a project's source text: its modules, what names in them stand for, and how classes derive.

Nothing is run.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hotplate.errors import ProjectError

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True, kw_only=True)
class Module:
    """One source file and what its top-level names are bound to.

    A name stands for a class or function node, for another thing of this file (`None`), or for a dotted name that an
    import brought in. `stars` are the modules of `from x import *`.
    """

    name: str
    file: str
    tree: ast.Module
    is_package: bool
    nodes: dict[str, ast.ClassDef | Function | None] = field(
        default_factory=dict[str, "ast.ClassDef | Function | None"]
    )
    imports: dict[str, str] = field(default_factory=dict[str, str])
    stars: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class Class:
    """A class of the project."""

    module: Module
    node: ast.ClassDef

    @property
    def key(self) -> str:
        return f"{self.module.name}.{self.node.name}"


class Sources:
    """The modules of a project, parsed when they are first asked for."""

    def __init__(self, root: Path, base: Path | None = None) -> None:
        self.root = root
        self._folders = (root,) if base is None or base == root else (base, root)
        self._modules: dict[str, Module | None] = {}

    def module(self, name: str) -> Module | None:
        """Give a module of the project by its dotted name, or None where it lies elsewhere.

        Raises:
            ProjectError: its text is not Python.
        """
        if name not in self._modules:
            self._modules[name] = self._read(name)
        return self._modules[name]

    def _read(self, name: str) -> Module | None:
        if not all(part.isidentifier() for part in name.split(".")):
            return None
        for folder in self._folders:
            stem = folder.joinpath(*name.split("."))
            for path, is_package in ((stem / "__init__.py", True), (stem.with_name(stem.name + ".py"), False)):
                if path.is_file():
                    return self._parse(name, path, is_package)
        return None

    def _parse(self, name: str, path: Path, is_package: bool) -> Module:
        file = str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)
        try:
            tree = ast.parse(path.read_bytes(), filename=str(path))
        except SyntaxError as error:
            text = f"{file} is not valid Python: {error.msg}"
            raise ProjectError(text, file=file, line=error.lineno, hint="mend that line") from error
        except ValueError as error:  # a null byte
            raise ProjectError(f"{file} is not Python source: {error}", file=file, hint="save it as UTF-8") from error
        module = Module(name=name, file=file, tree=tree, is_package=is_package)
        for statement, nested in _statements(tree.body):
            _bind(module, statement, nested)
        return module

    def resolve(self, module: Module, expression: ast.expr) -> Class | str | None:
        """Say what an expression such as `Service` or `octoai.service.Service` stands for.

        Gives a class of the project, the dotted name of something outside it, or None.
        """
        dotted = dotted_name(expression)
        return None if dotted is None else self.lookup(module, dotted)

    def lookup(self, module: Module, dotted: str, seen: frozenset[str] = frozenset()) -> Class | str | None:
        """Do the same for a dotted name as written in a module."""
        mark = f"{module.name}:{dotted}"
        if mark in seen:
            return None
        seen |= {mark}
        head, _, rest = dotted.partition(".")
        if head in module.nodes:
            node = module.nodes[head]
            return Class(module, node) if isinstance(node, ast.ClassDef) and not rest else None
        if head in module.imports:
            target = module.imports[head]
            return self._absolute(f"{target}.{rest}" if rest else target, seen)
        for star in module.stars:
            if self.module(star) is None and hasattr(builtins, head):
                continue  # that module is not read; it is unlikely to have a `str` of its own
            if found := self._absolute(f"{star}.{dotted}", seen):
                return found
        return None

    def _absolute(self, dotted: str, seen: frozenset[str]) -> Class | str | None:
        parts = dotted.split(".")
        for cut in range(len(parts) - 1, 0, -1):
            if module := self.module(".".join(parts[:cut])):
                return self.lookup(module, ".".join(parts[cut:]), seen)
        return dotted

    def ancestry(self, start: Class) -> tuple[list[Class], set[str]]:
        """Give a class and its ancestors in the project, nearest first, and the dotted names of those outside.

        The order is Python's for every hierarchy but the most tangled: depth first, and a shared ancestor comes last.
        """
        found: list[Class] = []
        outside: set[str] = set()

        def visit(each: Class, above: frozenset[str]) -> None:
            found.append(each)
            for expression in each.node.bases:
                base = self.resolve(each.module, expression)
                if isinstance(base, Class) and base.key not in above:
                    visit(base, above | {base.key})
                elif isinstance(base, str):
                    outside.add(base)

        visit(start, frozenset({start.key}))
        last = {each.key: i for i, each in enumerate(found)}
        return [each for i, each in enumerate(found) if last[each.key] == i], outside


def dotted_name(expression: ast.expr) -> str | None:
    """Write `a.b.c` as text, or None for another expression."""
    if isinstance(expression, ast.Name):
        return expression.id
    if isinstance(expression, ast.Attribute):
        head = dotted_name(expression.value)
        return None if head is None else f"{head}.{expression.attr}"
    return None


def first_line(node: ast.ClassDef | Function) -> int:
    """Give the line of the first decorator, else of the definition, as Python's own code objects do."""
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _statements(body: Sequence[ast.stmt], nested: bool = False) -> Iterator[tuple[ast.stmt, bool]]:
    """Give the statements that run at import, with those under `if` and `try`, and whether they lie under one."""
    for statement in body:
        yield statement, nested
        if isinstance(statement, ast.ClassDef | Function):
            continue
        for part in ("body", "handlers", "orelse", "finalbody"):
            for inner in getattr(statement, part, ()):
                yield from _statements([inner] if isinstance(inner, ast.stmt) else inner.body, nested=True)


def _bind(module: Module, statement: ast.stmt, nested: bool) -> None:
    for name, target in _bindings(module, statement):
        if nested and (name in module.nodes or name in module.imports):
            continue  # `try: from octoai.service import Service`, `except ImportError: Service = None`
        module.nodes.pop(name, None)
        module.imports.pop(name, None)
        if isinstance(target, str):
            module.imports[name] = target
        else:
            module.nodes[name] = target


def _bindings(module: Module, statement: ast.stmt) -> Iterator[tuple[str, ast.ClassDef | Function | str | None]]:
    if isinstance(statement, ast.ClassDef | Function):
        yield statement.name, statement
    elif isinstance(statement, ast.Import):
        for alias in statement.names:
            head = alias.name.partition(".")[0]
            yield (alias.asname, alias.name) if alias.asname else (head, head)
    elif isinstance(statement, ast.ImportFrom):
        source = _source_module(module, statement)
        for alias in statement.names:
            if alias.name == "*":
                module.stars.append(source)
            else:
                yield alias.asname or alias.name, f"{source}.{alias.name}"
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        for target in statement.targets if isinstance(statement, ast.Assign) else [statement.target]:
            if isinstance(target, ast.Name):
                yield target.id, None


def _source_module(module: Module, statement: ast.ImportFrom) -> str:
    if not statement.level:
        return statement.module or ""
    parts = module.name.split(".")
    up = statement.level - (1 if module.is_package else 0)
    parts = parts[: len(parts) - up] if up else parts
    return ".".join([*parts, *([statement.module] if statement.module else [])])
