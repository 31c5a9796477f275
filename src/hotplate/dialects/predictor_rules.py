"""Which arguments a predictor's methods may take. They are given by name, so their order is the author's.

The rules and the words for a broken one are those of Cortex 0.32 (cortex_internal/lib/api/validations.py and
predictor.py), with the verbs that a `Handler` has since 0.34.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple

from hotplate.dialects.predictor_yaml import Api
from hotplate.errors import ProjectError

CLASSES = {"python": "PythonPredictor", "tensorflow": "TensorFlowPredictor", "onnx": "ONNXPredictor"}
CLIENTS = {"tensorflow": "tensorflow_client", "onnx": "onnx_client"}
INPUTS = ("payload", "query_params", "headers")
VERBS = ("post", "get", "put", "patch", "delete")


class Rule(NamedTuple):
    """What a method must and may take."""

    required: tuple[str, ...] = ("self",)
    optional: tuple[str, ...] = ()


def class_name(api: Api) -> str:
    """Give the name that the class must have."""
    return "Handler" if api.key == "handler" else CLASSES[api.type]


def methods(api: Api) -> Mapping[str, str]:
    """Give the methods that calls may run, each with its HTTP verb."""
    if api.kind == "AsyncAPI":
        return {"handle_async" if api.key == "handler" else "predict": "POST"}
    if api.key == "handler":
        return {f"handle_{verb}": verb.upper() for verb in VERBS}
    return {"predict": "POST"}


def rules(api: Api) -> Mapping[str, Rule]:
    """Give the rule of every method that is looked at."""
    client = CLIENTS.get(api.type)
    if api.kind == "AsyncAPI":  # none of the other hooks is looked at (cortex_internal/lib/api/async.py)
        required = ("self", client, "config") if client else ("self", "config")
        calls = {name: Rule(optional=("payload", "request_id")) for name in methods(api)}
        return {"__init__": Rule(required, ("metrics_client",)), **calls}
    more = ("metrics_client",) if client else ("python_client", "model_client", "metrics_client")
    found = {"__init__": Rule(("self", client, "config") if client else ("self", "config"), more)}
    found |= {name: Rule(optional=INPUTS) for name in methods(api)}
    found["post_predict"] = Rule(optional=("response", *INPUTS))
    if not client:
        found["load_model"] = Rule(("self", "model_path"))
    return found


def check(cls: type, api: Api) -> None:
    """Hold a class to the rules.

    Raises:
        ProjectError: it breaks one, in Cortex's words; `file` and `line` are those of the method.
    """
    called = [name for name in methods(api) if getattr(cls, name, None)]
    table = rules(api)
    for name in ("post_predict", "load_model", "__init__"):
        if name in table and getattr(cls, name, None):
            _method(cls, name, table[name], api)
    if not called:
        name = next(iter(methods(api)))
        raise fault(cls, f'required method "{name}" is not defined', api, f"write def {name}(self, payload):")
    for name in called:
        _method(cls, name, table[name], api)
    takes = inspect.getfullargspec(cls.__init__).args
    client = next((name for name in ("python_client", "model_client") if name in takes), None)
    named = api.models is not None or api.models_dir is not None
    invalid = 'invalid signature for method "__init__": '
    why = "when the python predictor type is used and models are specified in the api spec, adding the"
    if api.type == "python" and named and client is None:
        text = f'{invalid}"python_client" is a required argument, but was not provided: {why} "python_client" argument'
        raise fault(cls, f"{text} is required", api)
    if api.type == "python" and named and getattr(cls, "load_model", None) is None:
        text = f'required method "load_model" is not defined: {why} "load_model" method is required'
        raise fault(cls, text, api)
    if client is not None and not named:
        hint = "name models under multi_model_reloading in cortex.yaml, or leave the argument out"
        raise fault(cls, f'{invalid}"{client}" is given only where models are specified in the api spec', api, hint)


def fault(cls: type, text: str, api: Api, hint: str = "", place: Any = None) -> ProjectError:
    """Make the error for a class."""
    code = getattr(inspect.unwrap(place), "__code__", None) if place is not None else None
    line = code.co_firstlineno if code is not None else None
    words = f"error: error in {api.path}: class {cls.__name__}: {text}"
    return ProjectError(words, file=api.path, line=line, hint=hint or None)


def _method(cls: type, name: str, rule: Rule, api: Api) -> None:
    function = getattr(cls, name)
    if not callable(function):
        raise fault(cls, f'"{name}" is defined, but is not a method', api)
    plain: Any = function
    empty = name == "__init__" and function is object.__init__
    arguments = ["self"] if empty else inspect.getfullargspec(plain).args
    said = f'invalid signature for method "{name}({", ".join(arguments)})"'
    allowed = (*rule.required, *rule.optional)
    for each in rule.required:
        if each not in arguments:
            raise fault(cls, f'{said}: "{each}" is a required argument, but was not provided', api, "", plain)
    if arguments[0] != "self":
        raise fault(cls, f'{said}: "self" must be the first argument', api, "", plain)
    for each in arguments:
        if each not in allowed:
            hint = f"it may take: {', '.join(allowed)}"
            raise fault(cls, f'{said}: "{each}" is not a supported argument', api, hint, plain)
