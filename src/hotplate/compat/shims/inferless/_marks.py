"""The decorators of app.py. None of them changes what it decorates."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any


def request(cls: Any = None) -> Any:
    """Mark the class of what infer takes. `@inferless.request` and `@inferless.request()` both work."""
    return _as_it_is if cls is None else cls


def response(cls: Any = None) -> Any:
    """Mark the class of what infer gives."""
    return _as_it_is if cls is None else cls


def config(cls: type[Any] | None = None) -> Any:
    """Export every default that is not None as an environment variable: `batch_size: int = 2` as BATCH_SIZE=2."""
    if cls is None:
        return config
    fields: dict[str, Any] = getattr(cls, "model_fields", {})
    for name, field in fields.items():
        default = field.get_default(call_default_factory=True)
        if default is not None and type(default).__name__ != "PydanticUndefinedType":
            os.environ[name.upper()] = str(default)
    return cls


def method(*_: Any, **__: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`@inferless.method(gpu="T4")`: leaves the function as it is."""
    return lambda function: function


def local_entry_point(function: Callable[..., Any]) -> Callable[..., Any]:
    """Leaves the function as it is."""
    return function


def _as_it_is(marked: Any) -> Any:
    return marked


class Cls:
    """`app = inferless.Cls(gpu="A100")`; `@app.load` and `@app.infer` leave their methods as they are."""

    def __init__(self, gpu: str | None = None) -> None:
        self.gpu = os.environ.get("INFERLESS_GPU", gpu)

    def load(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Mark what loads the model."""
        return function

    def infer(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Mark what is called."""
        return function
