"""Calls of an `InferlessPythonModel`: every arity of its methods, its streams, and what it is given and gives."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

from hotplate.contract.tensors import INTEGERS
from hotplate.dialects import input_schema_fields, input_schema_stream
from hotplate.dialects.base import Parameter
from hotplate.dialects.input_schema_text import Draft
from hotplate.dialects.signature import source_of
from hotplate.errors import InvalidInput, InvalidOutput, ProjectError

Inputs = dict[str, Any]


class Bound(NamedTuple):
    """What a `Call` and a `Loaded` need."""

    function: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    returns: Any
    setup: Callable[[], Any] | None
    shutdown: Callable[[], Any] | None


def bind(instance: Any, drawn: Draft, request_class: Any) -> Bound:
    """Bind an instance's methods as the contract says."""
    model = _Model(instance, drawn, request_class)
    route = drawn.contract.routes[0]
    function = model.call
    if model.is_plain:
        function = model.call_with_one if len(drawn.fields) == 1 else model.call_plainly
    if route.batching is not None:
        function = model.call_batch_async if route.asynchronous else model.call_batch
    elif route.stream:
        function = model.stream_async if route.asynchronous else model.stream
    elif route.asynchronous:
        function = model.call_async
    arguments = {"model_name": drawn.contract.name, "model_version": "1", "model_instance_name": drawn.contract.name}
    return Bound(
        function=function,
        parameters=input_schema_fields.parameters(drawn.fields),
        returns=Any,
        setup=_hook(instance, "initialize", arguments),
        shutdown=_hook(instance, "finalize", arguments),
    )


def check_infer(instance: Any, root: Path) -> None:
    """Make sure that infer can be called: with its inputs, with a handler of streams as well, or with nothing.

    Raises:
        ProjectError: it takes something else.
    """
    if len(needs := _needed(instance.infer)) <= 2 and not [each for each in needs[1:] if "handler" not in each.lower()]:
        return
    source = source_of(instance.infer, root)
    raise ProjectError(
        f"InferlessPythonModel.infer takes {', '.join(needs)}, and is given the inputs alone",
        file=source.file,
        line=source.line,
        hint="write def infer(self, inputs): and take each input from the dict, as inputs['prompt']",
    )


def _needed(method: Callable[..., Any]) -> list[str]:
    """The names of the arguments that have to be given."""
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = inspect.signature(method).parameters.values()
    return [each.name for each in parameters if each.kind not in several and each.default is each.empty]


def _hook(instance: Any, name: str, arguments: Inputs) -> Callable[[], Any] | None:
    """Call a hook with as much as it takes: nothing, or one argument where it has no default for it."""
    method = getattr(instance, name, None)
    if method is None:
        return None
    return lambda: method(*[arguments] * _required(method))


def _required(method: Callable[..., Any]) -> int:
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(method).parameters.values()
    return sum(parameter.kind in positional and parameter.default is parameter.empty for parameter in parameters)


def _is_checked(field: input_schema_fields.Field) -> bool:
    """Whether a value that fits the field's Python type may still be refused: for its shape or its range."""
    return not field.typed and (field.shape != (1,) or field.datatype in INTEGERS)


class _Model:
    """One instance, called with the values of the declared fields in their order. None stands for: not sent."""

    def __init__(self, instance: Any, drawn: Draft, request_class: Any) -> None:
        self._infer = instance.infer
        self._takes_inputs = bool(inspect.signature(instance.infer).parameters)
        self._fields = drawn.fields
        self._named_fields = [(field.name, field if _is_checked(field) else None) for field in drawn.fields]
        self._names = [field.name for field in drawn.fields]
        self._outputs = drawn.outputs
        self._request_class = request_class
        self._named = next(
            (
                parameter.name
                for parameter in inspect.signature(instance.infer).parameters.values()
                if parameter.name == "stream_output_handler" and parameter.kind is parameter.KEYWORD_ONLY
            ),
            "",
        )
        checked = any(field is not None for _, field in self._named_fields)
        self.is_plain = self._takes_inputs and request_class is None and not checked and not self._outputs

    # -- the shapes of a call

    def call_plainly(self, *values: Any) -> Any:
        """The usual case of `call`: every value that was sent is right as it is."""
        result: Any = self._infer(
            {name: value for name, value in zip(self._names, values, strict=True) if value is not None}
        )
        return result if type(result) is dict else self._result(result)  # pyright: ignore[reportUnknownVariableType]

    def call_with_one(self, value: Any) -> Any:
        """The same for a model with one input."""
        result: Any = self._infer({self._names[0]: value} if value is not None else {})
        return result if type(result) is dict else self._result(result)  # pyright: ignore[reportUnknownVariableType]

    def call(self, *values: Any) -> Any:
        return self._result(self._run(self._inputs(values)))

    async def call_async(self, *values: Any) -> Any:
        return self._result(await self._run(self._inputs(values)))

    def call_batch(self, *columns: list[Any]) -> list[Any]:
        return self._results(self._run(self._items(columns)), len(columns[0]))

    async def call_batch_async(self, *columns: list[Any]) -> list[Any]:
        return self._results(await self._run(self._items(columns)), len(columns[0]))

    def stream(self, *values: Any) -> Iterator[Any]:
        inputs = self._inputs(values)
        return input_schema_stream.pieces(lambda handler: self._run(inputs, handler))

    def stream_async(self, *values: Any) -> AsyncIterator[Any]:
        inputs = self._inputs(values)
        return input_schema_stream.pieces_async(lambda handler: self._run(inputs, handler))

    # -- what goes in and what comes out

    def _run(self, inputs: Any, *handler: Any) -> Any:
        if handler and self._named:
            return self._infer(inputs, **{self._named: handler[0]})
        return self._infer(inputs, *handler) if self._takes_inputs else self._infer()

    def _inputs(self, values: tuple[Any, ...]) -> Any:
        given: Inputs = {}
        for (name, checked), value in zip(self._named_fields, values, strict=True):
            if value is not None:
                if checked is not None:
                    input_schema_fields.check(checked, value)
                given[name] = value
        return given if self._request_class is None else self._request(given)

    def _request(self, given: Inputs) -> Any:
        from pydantic import ValidationError

        try:
            return self._request_class(**given)
        except ValidationError as error:
            items = [{**item, "loc": ["body", *item["loc"]]} for item in error.errors(include_url=False)]
            raise InvalidInput("The input does not fit the request class.", details=items) from None

    def _items(self, columns: tuple[list[Any], ...]) -> list[Any]:
        return [self._inputs(values) for values in zip(*columns, strict=True)]

    def _results(self, results: Any, count: int) -> list[Any]:
        if not isinstance(results, list) or len(cast("list[Any]", results)) != count:
            raise InvalidOutput(f"infer got a batch of {count} and did not return a list of {count} dicts.")
        return [self._result(result) for result in cast("list[Any]", results)]

    def _result(self, result: Any) -> Inputs:
        fields: Any = getattr(result.__class__, "model_fields", None)
        if fields is not None:
            result = {name: getattr(result, name) for name in fields}
        if not isinstance(result, dict):
            text = (
                f"infer returned {type(result).__name__}, not a dict of outputs. Return a dict, such as {{'text': …}}."
            )
            raise InvalidOutput(text)
        missing = next((name for name in self._outputs if name not in result), None)
        if missing is not None:
            raise InvalidOutput(f"Required Output {missing} not found in the inference response")
        return cast("Inputs", result)
