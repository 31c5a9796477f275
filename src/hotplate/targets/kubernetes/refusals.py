"""What a cluster's `Status` means for whoever asked: which error, in words that say what to do.

https://kubernetes.io/docs/reference/using-api/api-concepts/; a cluster's own words are told, made harmless.
"""

from __future__ import annotations

import re

import msgspec
from msgspec import Struct, field

from hotplate.errors import Conflict, HotplateError, NotFound, TargetRefused, TargetUnavailable

MAX_WORDS = 600
_MANAGER = re.compile(r'conflict with "([^"]+)"')


class Cause(Struct, frozen=True, kw_only=True):
    """One field, and what is wrong with it."""

    reason: str = ""
    field: str = ""
    message: str = ""


class Details(Struct, frozen=True, kw_only=True):
    """What else a refusal says."""

    causes: tuple[Cause, ...] | None = None


class Told(Struct, frozen=True, kw_only=True):
    """A `Status` of the API."""

    reason: str = ""
    message: str = ""
    details: Details | None = field(default_factory=Details)


def refusal(status: int, body: bytes, what: str, where: str, retry_after: str = "") -> HotplateError:
    """The error for an answer. `what` ends the sentence "may not …", `where` names the cluster."""
    told = _status(body)
    said = words(told.message)
    if status == 401:
        return TargetRefused(f"{where} does not know who asks. Log in anew, and try whether `kubectl get pods` works.")
    if status == 403 and "exceeded quota" in said:
        return TargetRefused(f"The namespace's quota leaves no room to {what}: {said}. Ask for less with `hardware:`.")
    if status == 403 and "cannot" in said:
        return TargetRefused(f"You may not {what}: {said}. Ask whoever runs the cluster for a role that may.")
    if status == 403:
        return TargetRefused(f"{where} does not let anyone {what}: {said}.")
    if status == 404:
        return NotFound(f"{where} cannot {what}: {said}.")
    if status == 409:
        return Conflict(_conflict(told, what, said))
    if status in (408, 504):
        return TargetUnavailable(f"{where} took too long to {what}. {said}".strip())
    if status in (429, 500, 502, 503):
        after = float(retry_after) if retry_after.isdigit() else 1.0
        return TargetUnavailable(f"{where} cannot {what} now (status {status}): {said}", retry_after_s=after)
    return TargetRefused(f"{where} refuses to {what} (status {status}): {said}.")


def words(text: str) -> str:
    """One harmless line, without the stop at its end."""
    line = "".join(each for each in re.sub(r"\s+", " ", text) if each.isprintable())
    return line[:MAX_WORDS].strip().rstrip(".") or "no more was said"


def _conflict(told: Told, what: str, said: str) -> str:
    """Which fields somebody else has, where that is it; else that it was changed meanwhile."""
    fields = [
        f"{words(cause.field)} ({', '.join(_MANAGER.findall(cause.message)) or 'another'})"
        for cause in (told.details and told.details.causes) or ()
        if cause.reason == "FieldManagerConflict"
    ]
    if not fields:
        return f"Cannot {what}: {said}. Try again."
    return (
        f"Cannot {what}: others have set these fields since: {', '.join(fields[:10])}. Take them out there, or take "
        "them over with --force-conflicts."
    )


def _status(body: bytes) -> Told:
    try:
        return msgspec.json.decode(body, type=Told)
    except (msgspec.DecodeError, RecursionError):
        return Told(message=body[:MAX_WORDS].decode(errors="replace"))
