"""What an author imports: `Service`, `path`, `batch`, `progress`, `cancelled`, `output_path` and `volume_path`.

This module lies on the cold-start path of every service, so it imports nothing that Python itself has not loaded
already. The dialects read the marks that its decorators leave; nothing here knows how a project is served.
"""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_VOLUME_PATH = "/octoai/cache"
"""Where a container has its volume mounted when nothing else is said."""

OUTPUT_VARIABLE = "HOTPLATE_OUTPUT_PATH"
"""The environment variable in which a training finds its output folder."""

ENDPOINT_VARIABLE = "HOTPLATE_ENDPOINT"
"""The environment variable in which a worker finds its endpoint's name."""

PATH_MARK = "__path__"
"""The attribute by which a callable carries its HTTP path. OctoAI's own decorator uses the same name."""

BATCH_MARK = "__hotplate_batch__"
"""The attribute by which a callable carries `(max_size, max_wait_ms)`."""


class Cancelled(BaseException):
    """Nobody waits for the current call any more: its job was cancelled, its time is over, or its caller has gone.

    `progress` raises it, so that a plain function ends and its slot is free. Like `KeyboardInterrupt` it is no
    `Exception`, so that `except Exception` lets it pass. Clean up in `finally`, and let it out: what the call gives is
    not wanted.
    """


class Service(ABC):
    """The base class of a service: one class, loaded once, whose methods answer calls.

    `infer` is required. Every other public method with annotated parameters is served too, at its name with
    dashes or at its `@path`. `setup` runs once in each worker before the first call. The names and their meaning
    are those of `octoai.service.Service`, so a class may derive from either.
    """

    def setup(self) -> None:  # noqa: B027 - hooks are optional
        """Load what `infer` needs, such as weights. Runs in the worker, once, before the first call."""

    def store_assets(self) -> None:  # noqa: B027
        """Download large files to `volume_path()`. Runs on its own, by `hotplate store-assets`, before serving."""

    def on_server_startup(self) -> None:  # noqa: B027
        """Prepare what belongs to serving. Runs before `setup`, which may also run without a server."""

    def on_server_shutdown(self) -> None:  # noqa: B027
        """Clean up when the server stops, after the last call."""

    @abstractmethod
    def infer(self, **inputs: Any) -> Any:
        """Answer one call. Override it with named, annotated parameters and a return annotation."""

    store_assets.NOT_OVERRIDDEN = True  # pyright: ignore[reportFunctionMemberAccess]


def path(path: str) -> Callable[[F], F]:
    """Serve a method or function at `path` instead of at its name.

    Args:
        path: an absolute path such as `/v1/embed`. A missing slash at its start is added.

    Raises:
        TypeError: `path` is not a string, as in a bare `@path`.
    """
    if not isinstance(path, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError('@path needs a path: write @path("/my-route") above the method')

    def mark(function: F) -> F:
        setattr(getattr(function, "__func__", function), PATH_MARK, path)
        return function

    return mark


@overload
def batch(max_size: F, /) -> F: ...
@overload
def batch(max_size: int = 32, max_wait_ms: float = 0.0) -> Callable[[F], F]: ...
def batch(max_size: Any = 32, max_wait_ms: float = 0.0) -> Any:
    """Put calls that wait together into one: the method takes a list per parameter and returns a list.

    Annotate the parameters and the return value as `list[T]`; callers still send and get one `T`. The method must
    return as many results as it was given items. In place of a result it may return an exception: then that item
    fails alone.

    Args:
        max_size: the most items in one call of the method.
        max_wait_ms: how long, in milliseconds, to wait for more items. With 0 a free slot takes what is queued.

    Raises:
        ValueError: `max_size` is under 1, or `max_wait_ms` is negative.
    """
    if callable(max_size):
        return batch()(max_size)
    if max_size < 1:
        raise ValueError(f"@batch(max_size={max_size}): max_size must be at least 1")
    if not max_wait_ms >= 0:
        raise ValueError(f"@batch(max_wait_ms={max_wait_ms}): max_wait_ms must not be negative")

    def mark(function: F) -> F:
        setattr(getattr(function, "__func__", function), BATCH_MARK, (int(max_size), float(max_wait_ms)))
        return function

    return mark


def progress(fraction: float | None = None, text: str = "") -> None:
    """Say how far the current call is, to whoever follows its job. Outside of a call it does nothing.

    Cheap enough for a training loop: steps that follow within 20 ms are left out, but the last one (1.0) never is.

    Args:
        fraction: from 0.0 to 1.0; None when it is not known.
        text: what is being done, such as `epoch 3 of 10`. At most 500 characters are kept.

    Raises:
        Cancelled: in a plain function or generator, when nobody waits for the call any more. An `async def` function is
            cancelled at its next `await` instead.
    """
    worker = sys.modules.get("hotplate.worker.progress")
    if worker is not None:
        worker.report(fraction, text)


def cancelled() -> bool:
    """Tell whether nobody waits for the current call any more, for a loop that would rather end by itself.

    It is for plain functions and generators, and asked in the thread that was called. Outside of a call it is False.
    """
    worker = sys.modules.get("hotplate.worker.progress")
    return worker is not None and worker.cancelled()


def volume_path() -> str:
    """Give the folder for large files that outlive a worker.

    In this order: `HOTPLATE_VOLUME_PATH`; `OCTOAI_VOLUME_PATH`; `/octoai/cache` where it exists, as in an image made
    for OctoAI; else `volumes/NAME` in `HOTPLATE_HOME` (`~/.hotplate`) with the endpoint's name, which is made, because
    on a laptop nobody has mounted a volume and `/octoai` cannot be made without root.
    """
    volume, ours = find_volume(os.environ)
    if ours:
        os.makedirs(volume, mode=0o700, exist_ok=True)  # noqa: PTH103 - no pathlib in workers for this
    return volume


def output_path() -> str:
    """Give the folder whose files are kept with a training: `HOTPLATE_OUTPUT_PATH`, else `output` where the code runs.

    A training that is run again, because its server died, finds there what it had written before.
    """
    output = os.environ.get(OUTPUT_VARIABLE) or os.path.abspath("output")  # noqa: PTH100 - as above
    os.makedirs(output, exist_ok=True)  # noqa: PTH103 - as above
    return output


def volume_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the variables that send model hubs' caches to the volume that `environ` (else this process's) names.

    They are to be set before the project is imported, where it overrides `store_assets` (`Lifecycle.store_assets`).
    """
    volume, _ = find_volume(os.environ if environ is None else environ)
    return {
        "HUGGINGFACE_HUB_CACHE": os.path.join(volume, "huggingface_hub_cache"),  # noqa: PTH118
        "TORCH_HOME": os.path.join(volume, "torch_home"),  # noqa: PTH118
    }


def find_volume(environ: Mapping[str, str]) -> tuple[str, bool]:
    """Give the volume that `environ` names, and whether it is one that nobody named and that has to be made."""
    for variable in ("HOTPLATE_VOLUME_PATH", "OCTOAI_VOLUME_PATH"):
        if value := environ.get(variable):
            return value, False
    if os.path.isdir(DEFAULT_VOLUME_PATH):  # noqa: PTH112
        return DEFAULT_VOLUME_PATH, False
    name = "".join(c if c.isalnum() or c in "._-" else "-" for c in environ.get(ENDPOINT_VARIABLE, "")).strip(".")
    named = os.path.expanduser(environ.get("HOTPLATE_HOME", ""))  # noqa: PTH111
    user = environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111
    home = os.path.abspath(named) if named else os.path.join(user, ".hotplate")  # noqa: PTH100, PTH118
    return os.path.join(home, "volumes", name or "default"), True  # noqa: PTH118
