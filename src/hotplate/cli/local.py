"""`hotplate invoke --local`: load a project in this process, call one of its routes, and print the answer. No server.

It does `deepaas-cli`'s job too, for projects of every dialect. What the model prints goes to stderr, where a server has
its log; the answer alone goes to stdout.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

from hotplate.cli import answer as answers
from hotplate.cli import console
from hotplate.cli.local_input import request, typed
from hotplate.cli.opening import open_from
from hotplate.cli.request_body import Style
from hotplate.dialects.opening import is_target
from hotplate.errors import InvalidInput, ProjectError

if TYPE_CHECKING:
    from pathlib import Path

    from hotplate.dialects.base import Call, Loaded
    from hotplate.faces.base import Answer, Codec, Head
    from hotplate.faces.encoding import Result

JSON = "application/json"
OWN_FACES = {"predictor": "cortex", "entry_point": "deepaas"}
"""Dialects whose inputs only their own face reads as their authors mean them; for all others the plain one is used."""


def invoke_local(args: argparse.Namespace, words: Sequence[str], style: Style) -> int:
    """Load, call, print. Gives 1 when the model fails."""
    from hotplate import compat
    from hotplate.config.resolve import resolve
    from hotplate.dialects import registry
    from hotplate.server.environment import worker_environment

    paths, words = _paths(list(words))
    args.paths = paths
    opened = open_from(args)
    match = registry.detect(opened.project, dialect=opened.dialect)
    settings = resolve(environ=os.environ, file=opened.file).settings
    os.environ.update(worker_environment(opened.project, match, settings))
    compat.install()
    with redirect_stdout(sys.stderr):
        loaded = registry.get(match.dialect).load(opened.project, match)
    return _Session(loaded, opened.project.root, args).run(words, style)


def _paths(words: list[str]) -> tuple[list[str], list[str]]:
    """The words that say which project, and the others."""
    from pathlib import Path

    taken = 0
    while taken < len(words) and (is_target(words[taken]) or (taken == 0 and _is_place(Path(words[0])))):
        taken += 1
    return words[:taken], words[taken:]


def _is_place(path: Path) -> bool:
    return path.is_dir() or (path.suffix == ".py" and path.is_file())


class _Session:
    """One loaded project. Everything runs on one event loop where the project has coroutines."""

    def __init__(self, loaded: Loaded, root: Path, args: argparse.Namespace) -> None:
        self._loaded = loaded
        self._root = root
        self._args = args
        self._run: Callable[[Any], Any] = _run_alone

    def run(self, words: list[str], style: Style) -> int:
        name = words[0] if words and words[0][:1] not in '{["@-' and "=" not in words[0] else None
        metadata = self._metadata(name) if name else None
        if metadata is not None:
            console.out_json(metadata)
            return 0
        call = None if name == "warm" else self._choose(name)
        given = words[1:] if name else words
        if not any(each.route.asynchronous for each in self._loaded.calls):
            return self._called(call, given, style)
        import asyncio

        with asyncio.Runner() as runner:
            self._run = lambda found: runner.run(_awaited(found))
            return self._called(call, given, style)

    def _called(self, call: Call | None, words: list[str], style: Style) -> int:
        """Read the input first: a mistake in it is told before weights are loaded."""
        codec: Codec | None = None
        values: tuple[Any, ...] = ()
        head: Head | None = None
        if call is not None:
            codec = self._codec(call)
            body, head = request(typed(words, call), style, self._loaded.contract.face, self._args.accept)
            try:
                values = codec.decode(body, head)
            except InvalidInput as error:
                told = codec.error(error, "local")
                raise InvalidInput(f"{call.route.name}() takes other input: {_told(told)}") from error
        with redirect_stdout(sys.stderr):
            self._hook("on_server_startup", self._loaded.startup)
            if self._loaded.metrics is not None:
                self._loaded.metrics(_uncounted)
            self._hook(self._loaded.names.get("setup", "setup"), self._loaded.setup)
        try:
            return 0 if call is None or codec is None else self._answer(call, codec, values, head)
        finally:
            with redirect_stdout(sys.stderr):
                self._hook(self._loaded.names.get("shutdown", "on_server_shutdown"), self._loaded.shutdown)

    def _answer(self, call: Call, codec: Codec, values: tuple[Any, ...], head: Head | None) -> int:
        from hotplate.faces import running
        from hotplate.faces.encoding import Result
        from hotplate.worker.reports import report, trace_of

        source = call.route.source
        where = f"{source.file}:{source.line}" if source is not None else "?"
        try:
            if call.route.stream and not call.route.asynchronous:
                return self._streamed(_pieces(call, values), Result(call))
            with redirect_stdout(sys.stderr):
                value = self._run(running.run_async(call, values)) if self._awaits else running.run(call, values)
            if call.route.stream:
                return self._streamed(value, Result(call))
            found = codec.encode(value, head, 0, 0)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the model raises is told to who called it
            failed = codec.error(error, "local")
            if failed.status >= 500 and (trace := trace_of(error, self._root)):
                console.err(console.harmless(trace.rstrip("\n")))
            elif failed.status >= 500:
                report(call.route.name, where, error, "local")
            console.problem(f"{call.route.name}() failed: {_reason(failed, error)}", where=where)
            return 1
        return self._shown(found)

    @property
    def _awaits(self) -> bool:
        return any(each.route.asynchronous for each in self._loaded.calls)

    def _streamed(self, pieces: Iterable[Any], result: Result) -> int:
        printed = answers.Pieces(as_json=self._args.output == "json")
        try:
            for each in pieces:
                printed.show(result.encode(each).decode())
        finally:
            printed.end()
        return 0

    def _shown(self, found: bytes | Answer) -> int:
        data, kind = (found, JSON) if isinstance(found, bytes) else (bytes(found.body), found.content_type)
        if self._args.method_output:
            path, size = answers.write_file(self._args.method_output, data)
            console.err(f"Saved {path} ({size:,} bytes).")
        return answers.show(data, kind.partition(";")[0].strip().lower(), self._args, "The model")

    def _choose(self, name: str | None) -> Call:
        calls = self._loaded.calls
        wanted = (name or "infer").removeprefix("/")
        for call in calls:
            route = call.route
            if wanted in (route.path.removeprefix("/"), route.name, route.name.rpartition(".")[2]):
                return call
            if any(wanted == alias.strip("/") for alias in route.aliases):
                return call
        if name is None and calls:
            return calls[0]
        names = ", ".join(dict.fromkeys(call.route.name for call in calls))
        raise ProjectError(f"The project has no route {name}.", hint=f"Its routes are: {names}.")

    def _metadata(self, name: str) -> Any:
        """What `deepaas-cli get_metadata` prints."""
        models: list[dict[str, Any]] = self._loaded.contract.facts.get("models", [])
        if name != "get_metadata" or not models:
            return None
        return models[0]["metadata"] if len(models) == 1 else {each["name"]: each["metadata"] for each in models}

    def _codec(self, call: Call) -> Codec:
        from hotplate.faces import registry

        return registry.get(OWN_FACES.get(self._loaded.contract.dialect, "plain")).codec(call)

    def _hook(self, name: str, hook: Callable[[], Any] | None) -> None:
        from hotplate.dialects.importing import failure

        if hook is None:
            return
        try:
            found = hook()
            if hasattr(found, "__await__"):
                self._run(found)
        except (Exception, SystemExit) as error:
            if isinstance(error, ProjectError):
                raise
            raise failure(error, self._root, f"{name}() failed") from error


def _uncounted(kind: str, name: str, value: float, labels: dict[str, str]) -> None:
    """What the model counts is for a server's metrics."""


def _pieces(call: Call, values: tuple[Any, ...]) -> Iterator[Any]:
    """The pieces of a generator as they come."""
    pieces = iter(call.function(*values))
    while True:
        with redirect_stdout(sys.stderr):
            try:
                piece = next(pieces)
            except StopIteration:
                return
        yield piece


def _run_alone(found: Any) -> Any:
    import asyncio

    return asyncio.run(_awaited(found))


async def _awaited(found: Any) -> Any:
    return await found


def _told(failed: Answer) -> str:
    return answers.detail(bytes(failed.body).decode(errors="replace"))


def _reason(failed: Answer, error: BaseException) -> str:
    """What the author is told: what their code raised, also where a caller would not see it."""
    return f"{type(error).__name__}: {error}" if failed.status >= 500 else _told(failed)
