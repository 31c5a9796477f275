"""Makes calls for the tests of faces, straight from annotations."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any

from hotplate.contract.types import Body, Route, TypeSpec
from hotplate.contract.types import Param as ContractParam
from hotplate.dialects.base import MISSING, Call, Parameter
from hotplate.faces import registry
from hotplate.faces.plain import PlainCodec


def call_of(function: Callable[..., Any], *, body: Body = "json", stream: bool = False) -> Call:
    hints = typing.get_type_hints(function, include_extras=True)
    parameters = tuple(
        Parameter(
            name=name,
            annotation=hints[name],
            default=MISSING if parameter.default is inspect.Parameter.empty else parameter.default,
        )
        for name, parameter in inspect.signature(function).parameters.items()
    )
    return call_with(parameters, hints.get("return", Any), function, body=body, stream=stream)


def call_with(
    parameters: tuple[Parameter, ...],
    returns: Any,
    function: Callable[..., Any] = lambda *values: values,
    *,
    body: Body = "json",
    stream: bool = False,
) -> Call:
    route = Route(
        path="/infer",
        name=getattr(function, "__name__", "infer"),
        params=tuple(ContractParam(name=p.name, type=TypeSpec(), required=p.default is MISSING) for p in parameters),
        body=body,
        stream=stream,
    )
    return Call(route=route, function=function, parameters=parameters, returns=returns)


def codec_of(function: Callable[..., Any], **options: Any) -> PlainCodec:
    codec = registry.get("plain").codec(call_of(function, **options))
    assert isinstance(codec, PlainCodec)
    return codec
