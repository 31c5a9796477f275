"""From a signature to a route: which parameters it takes, what it gives, and what an author must mend first.

Both readers use it, with real functions and with source text, so a project is described as it will be loaded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from hotplate.contract import Body, Param, Route, Source
from hotplate.dialects.annotations import Mode, SchemaBook, UnsupportedType, json_default, text_of
from hotplate.dialects.annotations import media_kind as kind_of_class
from hotplate.dialects.base import MISSING, Call, Parameter
from hotplate.dialects.signature import UNKNOWN, Argument, Signature, item_type
from hotplate.errors import ProjectError

TYPES_HINT = (
    "use str, int, float, bool, list, dict, a dataclass, a pydantic model, or Image, Audio, Video or File from hotplate"
)

_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/-]*")


class Draft(NamedTuple):
    """A route without its schemas, which are made for the whole contract at once."""

    signature: Signature
    path: str
    body: Body
    parameters: tuple[Parameter, ...]
    texts: tuple[str, ...]
    returns: Any
    returns_text: str


def fault(signature: Signature, text: str, hint: str) -> ProjectError:
    """Make the error that points at a function."""
    return ProjectError(text, file=signature.source.file, line=signature.source.line, hint=hint)


def default_path(name: str) -> str:
    """Give the path of a function without `@path`: its name with dashes."""
    return "/" + name.lstrip("_").replace("_", "-")


def clean_path(path: str, name: str, source: Source) -> str:
    """Check the argument of `@path` and put the slash before it where that is missing."""
    path = path if path.startswith("/") else "/" + path
    if not _PATH.fullmatch(path):
        text = f"@path({path!r}) of {name}() is not a URL path"
        hint = "use letters, digits, dashes and slashes; inputs come in the body, not in the path"
        raise ProjectError(text, file=source.file, line=source.line, hint=hint)
    return path


def draft(signature: Signature, *, path: str, typed: bool, form: bool = False) -> Draft:
    """Apply the rules to one function.

    Args:
        signature: what is written at its head.
        path: where it is to be served.
        typed: whether it must have annotated parameters, and at least one.
        form: whether its parameters come as multipart/form-data. Then all are required, as in octoai-sdk.

    Raises:
        ProjectError: a rule is broken; the text names the function, the hint the next step.
    """
    name = signature.name
    arguments = signature.arguments
    if not arguments and (typed or signature.variadic):
        hint = "name each input and annotate it: def infer(self, prompt: str) -> str"
        if signature.variadic:
            hint = "*args and **kwargs name no inputs; in a decorator, use functools.wraps"
        rule = "infer_form_data() must have at least one parameter." if form else None
        raise fault(signature, rule or f"{name}() requires at least one argument", hint)
    if form:
        _check_form(signature)
        arguments = tuple(argument._replace(default=MISSING) for argument in arguments)
    parameters: list[Parameter] = []
    texts: list[str] = []
    for argument in arguments:
        if argument.annotation is MISSING and typed:
            raise fault(
                signature,
                f"{name}() requires type annotations for args",
                f"annotate {argument.name!r}: {argument.name}: str, or {argument.name}: Any where anything may come",
            )
        parameter, text = _parameter(signature, argument)
        parameters.append(parameter)
        texts.append(text)
    returns, text = _returns(signature)
    return Draft(
        signature=signature,
        path=path,
        body="form" if form else "json",
        parameters=tuple(parameters),
        texts=tuple(texts),
        returns=returns,
        returns_text=text,
    )


def _parameter(signature: Signature, argument: Argument) -> tuple[Parameter, str]:
    annotation, default, text = argument.annotation, argument.default, argument.text
    if signature.batching is None:
        annotation = Any if annotation is MISSING else annotation
        return Parameter(name=argument.name, annotation=annotation, default=default), text
    item = _item(signature, annotation, argument.name)
    if default is not MISSING and default is not UNKNOWN:
        values: list[Any] = list(default) if isinstance(default, list | tuple) else []  # pyright: ignore
        if len(values) != 1:
            raise fault(
                signature,
                f"{signature.name}() is batched, so the default of {argument.name!r} must be a list of one value",
                f"write {argument.name} = [value]: the value stands for every item that lacks it",
            )
        default = values[0]
    return Parameter(name=argument.name, annotation=item, default=default), text_of(item)


def _item(signature: Signature, annotation: Any, what: str) -> Any:
    item = item_type(annotation)
    if item is MISSING:
        text = f"{signature.name}() is batched, so {what!r} must be annotated as list[T], not {text_of(annotation)}"
        raise fault(signature, text, "a batched function takes one list per parameter and returns a list")
    return item


def _returns(signature: Signature) -> tuple[Any, str]:
    annotation = signature.returns
    if signature.batching is not None:
        if signature.generator:
            text = f"{signature.name}() is batched and yields: a stream cannot be batched"
            raise fault(signature, text, "remove @batch, or return a list")
        item = _item(signature, annotation, "return")
        return item, "" if annotation is MISSING else text_of(item)
    if signature.generator:
        item = item_type(annotation)
        if item is MISSING:
            text = f"{signature.name}() yields its answer but says that it returns {text_of(annotation)}"
            raise fault(signature, text, f"annotate it as Iterator[{text_of(annotation)}], the type of one piece")
        return item, "" if annotation is MISSING else text_of(item)
    return (Any if annotation is MISSING else annotation), signature.returns_text


def _check_form(signature: Signature) -> None:
    for argument in signature.arguments:
        if argument.annotation is not str and kind_of_class(argument.annotation) != "file":
            raise fault(
                signature,
                "Only File and str params are supported for form data.",
                f"annotate {argument.name!r} as File or str; send structured data as a JSON string",
            )


def check(drawn: Draft, book: SchemaBook) -> None:
    """Make sure that every type of a draft has a JSON form. Raises ProjectError."""
    items: list[tuple[str, Any, Mode, str]] = [
        (f"argument {parameter.name!r} of", parameter.annotation, "validation", "read from JSON")
        for parameter in drawn.parameters
    ]
    items.append(("the return value of", drawn.returns, "serialization", "written as JSON"))
    for what, annotation, mode, how in items:
        try:
            book.check(annotation, mode)
        except UnsupportedType as error:
            text = f"{what} {drawn.signature.name}() is of type {text_of(annotation)}, which cannot be {how}: {error}"
            more = "; to give many values, return a list of numbers" if mode == "serialization" else ""
            raise fault(drawn.signature, text, TYPES_HINT + more) from error


def routes(drafts: Sequence[Draft], book: SchemaBook) -> tuple[Route, ...]:
    """Finish the drafts of a contract: make their schemas together and give their routes."""
    inputs = [
        (parameter.annotation, "validation", text)
        for drawn in drafts
        for parameter, text in zip(drawn.parameters, drawn.texts, strict=True)
    ]
    outputs = [(drawn.returns, "serialization", drawn.returns_text) for drawn in drafts]
    book.add([*inputs, *outputs])  # pyright: ignore[reportArgumentType]
    return tuple(_route(drawn, book) for drawn in drafts)


def _route(drawn: Draft, book: SchemaBook) -> Route:
    signature = drawn.signature
    params = tuple(
        Param(
            name=parameter.name,
            type=book.spec(parameter.annotation, "validation", text),
            required=parameter.default is MISSING,
            default=_default(parameter),
            description=_description(parameter.annotation),
        )
        for parameter, text in zip(drawn.parameters, drawn.texts, strict=True)
    )
    summary, _, description = signature.doc.partition("\n")
    return Route(
        path=drawn.path,
        name=signature.name,
        params=params,
        returns=book.spec(drawn.returns, "serialization", drawn.returns_text),
        body=drawn.body,
        stream=signature.generator,
        asynchronous=signature.asynchronous,
        batching=signature.batching,
        summary=summary,
        description=description.strip(),
        source=signature.source,
    )


def _default(parameter: Parameter) -> Any:
    if parameter.default is MISSING or parameter.default is UNKNOWN:
        return None
    return json_default(parameter.annotation, parameter.default)


def _description(annotation: Any) -> str:
    for extra in getattr(annotation, "__metadata__", ()):
        text = getattr(extra, "description", None) or getattr(extra, "documentation", None)
        if isinstance(text, str):
            return text
    return ""


def call(route: Route, drawn: Draft, function: Callable[..., Any]) -> Call:
    """Bind a route to its function."""
    arguments = drawn.signature.arguments
    names = [argument.name for argument in arguments if argument.keyword_only]
    bound = _by_keyword(function, len(arguments) - len(names), names) if names else function
    return Call(route=route, function=bound, parameters=drawn.parameters, returns=drawn.returns)


def _by_keyword(function: Callable[..., Any], first: int, names: Sequence[str]) -> Callable[..., Any]:
    def positional(*values: Any) -> Any:
        return function(*values[:first], **dict(zip(names, values[first:], strict=True)))

    return positional
