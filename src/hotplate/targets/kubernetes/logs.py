"""What an endpoint's pods write, as entries of Hotplate's own logs: time, replica (the pod), text."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from typing import Any, NamedTuple

import msgspec

from hotplate.errors import HotplateError
from hotplate.targets.kubernetes.api import Api
from hotplate.targets.kubernetes.kinds import PODS, path_of
from hotplate.targets.kubernetes.seen import Pod, Pods, seen

CONTAINER = "endpoint"
LAST = 60
"""Lines that are shown of a container that ended."""
LOOK_S = 1.0
"""How often it is asked what is new."""


class Line(NamedTuple):
    """One line. Times are all of one width, so that their order is that of their text."""

    timestamp: str
    replica_id: str
    data: str


class Tail:
    """What pods have written since they were asked last."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self._namespace = namespace
        self._last: dict[str, str] = {}

    def skip(self, pod: str) -> None:
        """Take what a pod has written until now as heard."""
        for line in self._ask(pod, {"tailLines": "1"}):
            self._last[pod] = line.timestamp

    def fresh(self, pod: str) -> list[Line]:
        """What is new of a pod; nothing while it has not started, or when it has gone."""
        last = self._last.get(pod, "")
        since = {"sinceTime": f"{last[:19]}Z"} if last else {}
        found = [line for line in self._ask(pod, since) if line.timestamp > last]
        if found:
            self._last[pod] = found[-1].timestamp
        return found

    def _ask(self, pod: str, query: dict[str, str]) -> list[Line]:
        try:
            return list(_of_pod(self._api, self._namespace, pod, query))
        except HotplateError:
            return []


def pods(api: Api, namespace: str, name: str) -> tuple[Pod, ...]:
    """The endpoint's pods, of every revision."""
    path, selector = path_of(PODS, namespace), f"hotplate.org/endpoint={name}"
    return seen(api.get(path, f"list the pods of {name}", labelSelector=selector), Pods).items or ()


def read(api: Api, namespace: str, name: str, *, lines: int, since: str = "") -> list[Line]:
    """The last lines of all pods together, in the order of their times."""
    query = {"tailLines": str(lines), **({"sinceTime": since} if since else {})}
    found: list[Line] = []
    for pod in pods(api, namespace, name):
        try:
            found += _of_pod(api, namespace, pod.metadata.name, query)
        except HotplateError:  # it has not started, or has gone meanwhile
            continue
    return sorted(found)[-lines:]


def follow(api: Api, namespace: str, name: str, *, pause: Callable[[float], None] = time.sleep) -> Generator[Line]:
    """Lines of all pods as they are written, also of pods that come later."""
    tail = Tail(api, namespace)
    for pod in pods(api, namespace, name):
        tail.skip(pod.metadata.name)
    while True:
        fresh = [line for pod in pods(api, namespace, name) for line in tail.fresh(pod.metadata.name)]
        yield from sorted(fresh)
        pause(LOOK_S)


def last_words(api: Api, namespace: str, pod: str, container: str) -> str:
    """What a container wrote before it ended."""
    for previous in ("true", "false"):
        query = {"container": container, "tailLines": str(LAST), "previous": previous}
        try:
            return "\n".join(readable(line) for line in _raw(api, namespace, pod, query))
        except HotplateError:  # it has not been started a second time
            continue
    return ""


def readable(line: str) -> str:
    """The text of a line, out of the record that `hotplate serve` writes in a container."""
    if not line.startswith("{"):
        return line
    try:
        found = msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError:
        return line
    text = found.get("message")
    return text.rstrip("\n") if isinstance(text, str) else line


def _of_pod(api: Api, namespace: str, pod: str, query: dict[str, str]) -> Iterator[Line]:
    for line in _raw(api, namespace, pod, {"container": CONTAINER, "timestamps": "true", **query}):
        timestamp, _, text = line.partition(" ")
        yield Line(_whole(timestamp), pod, readable(text))


def _whole(timestamp: str) -> str:
    """`…05.12Z` with all nine digits of its nanoseconds."""
    head, _, rest = timestamp.removesuffix("Z").partition(".")
    return f"{head}.{rest:0<9}Z"


def _raw(api: Api, namespace: str, pod: str, query: dict[str, str]) -> Iterator[str]:
    return api.lines(f"{path_of(PODS, namespace, pod)}/log", f"read the log of {pod}", **query)
