"""The functions that routes name: how they are found, in text and in memory, and whether a body template fits them."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import Any

from hotplate.authoring import BATCH_MARK
from hotplate.contract import Batching, Source
from hotplate.dialects.annotations import text_of
from hotplate.dialects.base import MISSING, Evidence, Project
from hotplate.dialects.calling import by_name
from hotplate.dialects.importing import import_module
from hotplate.dialects.routes_specs import Spec
from hotplate.dialects.signature import Argument, Signature, relative, source_of
from hotplate.dialects.syntax import Module, Sources
from hotplate.dialects.text_signature import read_text
from hotplate.errors import HotplateError, ProjectError


def from_text(spec: Spec, sources: Sources) -> Signature | None:
    """Read a function's head from the source text. None where only an import would tell.

    Raises:
        HotplateError: there is no such file, or no such function in it, or it does not fit the route.
    """
    module = sources.module(spec.module)
    if module is None:
        files = [path.relative_to(sources.root).as_posix() for path in sorted(sources.root.glob("*.py"))]
        hint = f"there are: {', '.join(files[:10])}" if files else f"put it in {sources.root}, or name its folder"
        raise spec.where.fault("file", f"There is no file {spec.file}, which {spec.label} names", hint)
    head = spec.function.partition(".")[0]
    node = module.nodes.get(head)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and head == spec.function:
        signature = read_text(sources, module, node, bound=False)
        fit(spec, signature, takes_more=node.args.vararg is not None, takes_names=node.args.kwarg is not None)
        return signature
    if head not in module.nodes and head not in module.imports and not module.stars:
        raise absent(spec, module.file, _functions(module))
    if isinstance(node, ast.ClassDef) and head == spec.function:
        raise _not_callable(spec, module.file, node.lineno, "a class")
    return None


def _functions(module: Module) -> list[str]:
    return [name for name, node in module.nodes.items() if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def absent(spec: Spec, file: str, functions: Sequence[str]) -> HotplateError:
    """Make the error for a function that is not there."""
    from difflib import get_close_matches

    close = get_close_matches(spec.function, functions, n=1)
    listed = ", ".join(name for name in functions if not name.startswith("_")) or "none"
    hint = f"did you mean {close[0]}?" if close else f"its functions are: {listed}"
    return spec.where.fault("function", f"{file} has no function {spec.function}, which {spec.label} names", hint)


def _not_callable(spec: Spec, file: str, line: int | None, what: str) -> ProjectError:
    text = f"{spec.function}, which {spec.label} names, is {what}, not a function"
    return ProjectError(
        text, file=file, line=line, hint="name a function of the file, or a method of an instance in it"
    )


def find(spec: Spec, project: Project) -> Callable[..., Any]:
    """Import the file of a route, once for all routes that name it, and give the function.

    Raises:
        ProjectError: the import failed; `__cause__` is what the author's code raised.
        HotplateError: there is no such function, or it takes other arguments.
    """
    missing = f"There is no file {spec.file}, which {spec.label} names"
    module: ModuleType = import_module(spec.module, root=project.root, missing=missing)
    file = relative(module.__file__ or spec.file, project.root)
    value: Any = module
    for part in spec.function.split("."):
        try:
            value = getattr(value, part)
        except AttributeError:
            functions = [name for name, each in vars(module).items() if inspect.isfunction(each)]
            raise absent(spec, file, functions) from None
    if isinstance(value, type) or not callable(value):
        kind = "a class" if isinstance(value, type) else f"a value of type {type(value).__name__}"
        raise _not_callable(spec, file, None, kind)
    return value


def from_function(spec: Spec, function: Callable[..., Any], project: Project) -> Signature:
    """Read the head of a loaded function. Its annotations are only shown: the body template has the word.

    Raises:
        ProjectError: it does not take the arguments that the template gives it.
    """
    source = source_of(function, project.root)
    inner: Any = inspect.unwrap(function)
    kinds = (function, inner)
    mark: tuple[int, float] | None = getattr(function, BATCH_MARK, None)
    raw: dict[str, Any] = getattr(inner, "__annotations__", {})
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # of a C extension: the call will tell
        parameters = None
    signature = Signature(
        name=spec.function.rpartition(".")[2],
        source=source,
        arguments=tuple(
            Argument(each.name, keyword_only=each.kind is each.KEYWORD_ONLY)
            if each.default is each.empty
            else Argument(each.name, default=None, keyword_only=each.kind is each.KEYWORD_ONLY)
            for each in parameters or ()
            if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
        ),
        returns_text=text_of(raw["return"]) if "return" in raw else "",
        generator=any(inspect.isgeneratorfunction(each) or inspect.isasyncgenfunction(each) for each in kinds),
        asynchronous=any(inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each) for each in kinds),
        batching=Batching(max_size=mark[0], max_wait_ms=mark[1]) if mark else None,
        doc=inspect.cleandoc(inner.__doc__) if inner.__doc__ else "",
    )
    if parameters is not None:
        several = any(each.kind is each.VAR_POSITIONAL for each in parameters)
        named = any(each.kind is each.VAR_KEYWORD for each in parameters)
        fit(spec, signature, takes_more=several, takes_names=named)
    return signature


def fit(spec: Spec, signature: Signature, *, takes_more: bool, takes_names: bool) -> None:
    """Make sure that a function can be called with what the body template gives it.

    Raises:
        ProjectError: it cannot. The place is the function's, and the text names both sides.
    """
    given = [field.name for field in spec.body]
    problem = _misfit(spec, signature, given, takes_more, takes_names)
    if problem is None:
        return
    shown = ", ".join(argument.name for argument in signature.arguments) or "nothing"
    text = (
        f"{spec.label} gives {signature.name}() {problem}: the function takes {shown}; "
        f"the body has {', '.join(given) or 'nothing'}"
    )
    raise ProjectError(text, file=signature.source.file, line=signature.source.line, hint=_mend(spec, signature, given))


def _misfit(spec: Spec, signature: Signature, given: list[str], takes_more: bool, takes_names: bool) -> str | None:
    required = [argument for argument in signature.arguments if argument.default is MISSING]
    if spec.positional:
        places = [argument for argument in signature.arguments if not argument.keyword_only]
        if len(given) > len(places) and not takes_more:
            return f"{len(given)} values by position, which are too many"
        lacking = [each.name for each in required if each.keyword_only or each in places[len(given) :]]
        return f"no value for {', '.join(lacking)}" if lacking else None
    names = [argument.name for argument in signature.arguments]
    unknown = [name for name in given if name not in names]
    if unknown and not takes_names:
        return f"{', '.join(unknown)} by name, which it does not take"
    lacking = [argument.name for argument in required if argument.name not in given]
    return f"no value for {', '.join(lacking)}" if lacking else None


def _mend(spec: Spec, signature: Signature, given: list[str]) -> str:
    names = [argument.name for argument in signature.arguments]
    at = f"{spec.where.place}:{spec.where.line('body')}" if spec.where.in_file else spec.where.place
    if not spec.positional and len(given) == len(names) and given:
        return f"name the parameters of body ({at}) {', '.join(names)}, or add positional: true"
    return f"give body ({at}) the parameters {', '.join(names) or 'of none'}, or change the function"


def caller(spec: Spec, signature: Signature, function: Callable[..., Any]) -> Callable[..., Any]:
    """Give what takes the body's values in their order and calls the function by position or by name.

    A generator's pieces are put into one list: FastAPI, and so proxiML, answers with that.
    """
    called = function if spec.positional or not spec.body else by_name(function, [field.name for field in spec.body])
    if not signature.generator:
        return called
    return partial(_collect_async if signature.asynchronous else _collect, called)


def _collect(function: Callable[..., Any], *values: Any) -> list[Any]:
    return list(function(*values))


async def _collect_async(function: Callable[..., Any], *values: Any) -> list[Any]:
    return [piece async for piece in function(*values)]


def evidence(spec: Spec, sources: Sources) -> Evidence:
    """Say where a route's function is and what names it. Raises as `from_text`."""
    signature = from_text(spec, sources)
    module = sources.module(spec.module)
    node = module.nodes.get(spec.function) if module is not None else None
    said = f"{spec.where.place}:{spec.where.line()}" if spec.where.in_file else spec.where.place
    text = f"def {spec.function}" if signature else spec.function
    line = node.lineno if node is not None else 0
    return Evidence(file=spec.file, line=line, text=f"{text}, at {spec.label} by {said}")


def source(spec: Spec) -> Source:
    """The place of a function that the text does not show."""
    return Source(file=spec.file, line=0)
