"""What a cluster says of an endpoint's objects."""

from __future__ import annotations

from hotplate.errors import HotplateError
from hotplate.targets.kubernetes.api import Api
from hotplate.targets.kubernetes.kinds import EVENTS, path_of
from hotplate.targets.kubernetes.seen import Event, Events, seen


def read(api: Api, namespace: str, name: str) -> list[Event]:
    """The events of an endpoint's Deployment, pods and scaler, the oldest first.

    Raises:
        HotplateError: they may not be read, or there is no answer.
    """
    found = seen(api.get(path_of(EVENTS, namespace), f"list the events of {name}"), Events)
    return sorted((each for each in found.items or () if _is_about(each, name)), key=lambda each: each.at)


def warnings(api: Api, namespace: str, name: str) -> list[Event]:
    """Those that warn; none where they may not be read."""
    try:
        return [each for each in read(api, namespace, name) if each.type == "Warning"]
    except HotplateError:
        return []


def _is_about(event: Event, name: str) -> bool:
    about = event.involved_object.name
    return about in (name, f"api-{name}", f"keda-hpa-{name}") or _is_part(about, name)


def _is_part(about: str, name: str) -> bool:
    """Whether a ReplicaSet `NAME-HASH` or a pod `NAME-HASH-ID` is meant, and not that of an endpoint `NAME-MORE`."""
    rest = about.removeprefix(f"{name}-").split("-") if about.startswith(f"{name}-") else []
    return 1 <= len(rest) <= 2 and all(part.isalnum() for part in rest)
