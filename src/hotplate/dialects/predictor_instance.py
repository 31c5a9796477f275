"""The author's object: made with the arguments that it asks for by name, called, and told of answers afterwards."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from queue import Queue
from threading import Lock, Thread
from typing import Any

from hotplate.dialects.base import Sink
from hotplate.dialects.importing import locate
from hotplate.dialects.predictor_models import ModelSet, PythonClient
from hotplate.dialects.predictor_rules import CLIENTS
from hotplate.dialects.predictor_text import Method
from hotplate.dialects.predictor_yaml import Api
from hotplate.errors import ProjectError

MOST_AFTER = 1000
"""Answers whose `post_predict` may be due; past that, calls wait for it."""


class Instance:
    """One predictor. Calls reach it through `caller`, which may be taken before the object is made."""

    def __init__(self, cls: type, root: Path, api: Api, config: dict[str, Any]) -> None:
        self._cls = cls
        self._root = root
        self._api = api
        self._config = config
        self._object: Any = None
        self._after: _After | None = None
        self._sink: Sink = _nowhere
        wanted: Any = getattr(cls, "post_predict", None) if api.kind != "AsyncAPI" else None
        self._after_takes = inspect.getfullargspec(wanted).args[1:] if wanted is not None else None

    def make(self) -> None:
        """Run `__init__`. Raises ProjectError in Cortex's words, with what it raised as the cause."""
        cls, api = self._cls, self._api
        takes = inspect.getfullargspec(cls.__init__).args if cls.__init__ is not object.__init__ else []
        given: dict[str, Any] = {"config": self._config}
        client: Any = None
        if api.type in CLIENTS or api.models is not None or api.models_dir is not None:
            client = given[CLIENTS.get(api.type, "python_client")] = _client(self._root, api)
            given["model_client"] = client
        if "metrics_client" in takes:
            from hotplate.dialects.predictor_metrics import MetricsClient

            given["metrics_client"] = MetricsClient(self._sink)
        try:
            self._object = cls(**{name: value for name, value in given.items() if name in takes})
        except (Exception, SystemExit) as error:
            file, line = locate(error, self._root)
            text = f"error: {api.path}: __init__: {error}: runtime exception"
            raise ProjectError(text, file=file, line=line) from error
        if isinstance(client, PythonClient):
            client.set_load_method(self._object.load_model)
        if self._after_takes is not None:
            serial = api.threads == 1 and api.batch_size is None
            self._after = _After(self._object.post_predict, Lock() if serial else nullcontext())

    def take_sink(self, sink: Sink) -> None:
        """Take what `metrics_client` writes to."""
        self._sink = sink

    def close(self) -> None:
        """Let every `post_predict` that is due run."""
        if self._after is not None:
            self._after.close()

    def caller(self, method: Method) -> Callable[..., Any]:
        """Give the function behind a route. Its values come in the order of the method's own arguments."""
        name = method.name
        if self._after_takes is None:
            return _late(lambda: getattr(self._object, name), asynchronous=method.asynchronous)
        names = method.arguments
        wanted = self._after_takes
        batched = self._api.batch_size is not None

        def due(response: Any, values: tuple[Any, ...]) -> None:
            assert self._after is not None
            given = {"response": response, **dict(zip(names, values, strict=True))}
            self._after.jobs.put({key: given.get(key) for key in wanted})

        def noted(response: Any, values: tuple[Any, ...]) -> Any:
            if batched and hasattr(response, "__len__") and len(response) == len(values[0]):
                for each, *own in zip(response, *values, strict=True):
                    due(each, tuple(own))
            elif not batched:
                due(response, values)
            return response

        def call(*values: Any) -> Any:
            assert self._after is not None
            with self._after.turn:
                response = getattr(self._object, name)(*values)
            return noted(response, values)

        async def call_async(*values: Any) -> Any:
            return noted(await getattr(self._object, name)(*values), values)

        return call_async if method.asynchronous else call


def _nowhere(kind: str, name: str, value: float, labels: dict[str, str]) -> None:
    """Where values go as long as nobody takes them."""


def _late(method: Callable[[], Any], *, asynchronous: bool) -> Callable[..., Any]:
    """Look a method up when it is called: the object is made after its routes are known."""

    def call(*values: Any) -> Any:
        return method()(*values)

    async def call_async(*values: Any) -> Any:
        return await method()(*values)

    return call_async if asynchronous else call


def _client(root: Path, api: Api) -> Any:
    models = ModelSet(root, api)
    if api.type == "onnx":
        from hotplate.dialects.predictor_onnx import ONNXClient

        return ONNXClient(models)
    if api.type == "tensorflow":
        from hotplate.dialects.predictor_tensorflow import TensorFlowClient

        return TensorFlowClient(models)
    return PythonClient(models)


class _After:
    """Runs `post_predict` in a thread of its own, after the answer has left, and never beside a call on one slot."""

    def __init__(self, function: Callable[..., Any], turn: AbstractContextManager[Any]) -> None:
        self.turn = turn
        self.jobs: Queue[dict[str, Any] | None] = Queue(MOST_AFTER)
        self._function = function
        self._thread = Thread(target=self._run, name="hotplate-post-predict", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Run what is due, then end."""
        self.jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (given := self.jobs.get()) is not None:
            try:
                with self.turn:
                    self._function(**given)
            except Exception as error:  # noqa: BLE001 - the caller has its answer; the author reads the log
                sys.stderr.write("post_predict() failed\n" + "".join(traceback.format_exception(error)))
