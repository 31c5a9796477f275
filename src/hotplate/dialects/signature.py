"""What is written at the head of a function, in one form for both readers: real callables (here) and source text
(`syntax.py`). The rules of `members.py` see this form alone, so a project is described as it will be loaded.

Records are named tuples here and around: to make a dataclass costs a worker's start seven times as much.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections import abc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from hotplate.authoring import BATCH_MARK, PATH_MARK
from hotplate.contract import Batching, Source
from hotplate.dialects.annotations import text_of
from hotplate.dialects.base import MISSING
from hotplate.errors import ProjectError

_ITERATORS = (abc.Iterator, abc.Generator, abc.AsyncIterator, abc.AsyncGenerator)
_ASYNC_ITERATORS = (abc.AsyncIterator, abc.AsyncGenerator)
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class _Unknown:
    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()
"""Stands for a default that only an import would tell."""


class Argument(NamedTuple):
    """One named parameter. `annotation` and `default` are MISSING where nothing is written."""

    name: str
    annotation: Any = MISSING
    default: Any = MISSING
    text: str = ""
    keyword_only: bool = False


class Signature(NamedTuple):
    """The head of a function, without `self` or `cls`, `*args` and `**kwargs`.

    `generator` is true where it yields its answer or says that it returns an iterator; `asynchronous` where it is
    `async def` or returns an asynchronous iterator.
    """

    name: str
    source: Source
    arguments: tuple[Argument, ...] = ()
    returns: Any = MISSING
    returns_text: str = ""
    generator: bool = False
    asynchronous: bool = False
    variadic: bool = False
    path: str | None = None
    batching: Batching | None = None
    doc: str = ""


def is_iterator(annotation: Any) -> bool:
    """Say whether a return annotation promises an iterator, whose pieces are to be streamed."""
    return (typing.get_origin(annotation) or annotation) in _ITERATORS


def is_async_iterator(annotation: Any) -> bool:
    """Say whether a return annotation promises an iterator that is read with `async for`."""
    return (typing.get_origin(annotation) or annotation) in _ASYNC_ITERATORS


def source_of(function: Callable[..., Any], root: Path) -> Source:
    """Give the place of a function: the line of its first decorator, else of its `def`."""
    inner: Any = inspect.unwrap(function)
    called: Any = type(inner).__call__
    for each in (inner, getattr(inner, "__func__", None), called):
        code = getattr(each, "__code__", None)
        if code is not None:
            return Source(file=relative(code.co_filename, root), line=code.co_firstlineno)
    return Source(file=str(getattr(inner, "__module__", "")), line=0)


def relative(file: str, root: Path) -> str:
    """Write a file's name as seen from the project's folder, or in full where it lies outside."""
    path = Path(file).resolve()
    return str(path.relative_to(root.resolve())) if path.is_relative_to(root.resolve()) else str(path)


def read(function: Callable[..., Any], root: Path, *, name: str, owner: type | None = None) -> Signature:
    """Read a function or bound method.

    Args:
        function: any callable with a readable signature; `functools.wraps` is followed.
        root: the project's folder, for `source`.
        name: what the function is called in the project.
        owner: the class of a method. Its nested names are tried where the module's do not resolve an annotation.

    Raises:
        ProjectError: an annotation names something that does not exist.
    """
    source = source_of(function, root)
    plain: Any = function if inspect.isroutine(function) else type(function).__call__
    hints = _hints(plain, owner, name, source)
    try:
        written = inspect.signature(function)
    except (TypeError, ValueError) as error:
        text = f"{name}() has no readable signature"
        raise ProjectError(text, file=source.file, line=source.line, hint="wrap it in a typed function") from error
    raw: Mapping[str, Any] = getattr(inspect.unwrap(plain), "__annotations__", {})
    arguments: list[Argument] = []
    for parameter in written.parameters.values():
        if parameter.kind in _VARIADIC:
            continue
        annotation, default = hints.get(parameter.name, MISSING), parameter.default
        default = MISSING if default is inspect.Parameter.empty else default
        text = _text(raw.get(parameter.name, annotation))
        annotation, default = _unfold_field(annotation, default)
        keyword_only = parameter.kind is inspect.Parameter.KEYWORD_ONLY
        arguments.append(
            Argument(name=parameter.name, annotation=annotation, default=default, text=text, keyword_only=keyword_only)
        )
    returns = hints.get("return", MISSING)
    inner = inspect.unwrap(plain)
    both = (plain, inner)
    mark: tuple[int, float] | None = getattr(function, BATCH_MARK, None)
    return Signature(
        name=name,
        source=source,
        arguments=tuple(arguments),
        returns=returns,
        returns_text=_text(raw.get("return", returns)),
        generator=any(inspect.isgeneratorfunction(f) or inspect.isasyncgenfunction(f) for f in both)
        or is_iterator(returns),
        asynchronous=any(inspect.iscoroutinefunction(f) or inspect.isasyncgenfunction(f) for f in both)
        or is_async_iterator(returns),
        variadic=any(parameter.kind in _VARIADIC for parameter in written.parameters.values()),
        path=getattr(function, PATH_MARK, None),
        batching=Batching(max_size=mark[0], max_wait_ms=mark[1]) if mark else None,
        doc=inspect.cleandoc(inner.__doc__) if inner.__doc__ else "",
    )


def _text(annotation: Any) -> str:
    return "" if annotation is MISSING else text_of(annotation)


def _hints(function: Any, owner: type | None, name: str, source: Source) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        if owner is not None:
            nested = dict(vars(owner))
            module = getattr(inspect.unwrap(function), "__globals__", {})
            try:
                return typing.get_type_hints(function, {**nested, **module}, include_extras=True)
            except NameError:
                pass
        missing = error.name or (re.findall(r"'(\w+)'", str(error)) or ["?"])[0]
        text = f"{name}() has an annotation that names {missing!r}, which does not exist when the project runs"
        hint = f"define {missing}, or import it, and not only under `if TYPE_CHECKING:`"
        raise ProjectError(text, file=source.file, line=source.line, hint=hint) from error
    except (TypeError, SyntaxError) as error:
        text = f"{name}() has an annotation that cannot be read: {error}"
        raise ProjectError(text, file=source.file, line=source.line, hint="write a type there") from error


def _unfold_field(annotation: Any, default: Any) -> tuple[Any, Any]:
    """Turn `width: int = Field(512, gt=0)` into `Annotated[int, Field(gt=0)]` and its default."""
    kind: type[Any] = default.__class__
    if kind.__name__ != "FieldInfo" or not kind.__module__.startswith("pydantic."):
        return annotation, default
    inner = Any if annotation is MISSING else annotation
    value = MISSING if default.is_required() else default.get_default(call_default_factory=True)
    return typing.Annotated[inner, default], value


def item_type(annotation: Any) -> Any:
    """Give T of `list[T]`, `Sequence[T]` or `Iterator[T]`; Any where none is written; MISSING for another type."""
    if annotation in (MISSING, Any, list, abc.Sequence, *_ITERATORS, abc.Iterable):
        return Any
    if isinstance(annotation, typing.ForwardRef):
        return annotation
    origin = typing.get_origin(annotation)
    if origin in (list, abc.Sequence, abc.Iterable, *_ITERATORS):
        args = typing.get_args(annotation)
        return args[0] if args and not isinstance(args[0], typing.TypeVar) else Any
    return MISSING
