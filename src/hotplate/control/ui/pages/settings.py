"""An endpoint's settings as a form. Fields have the API's names, so its errors find their place."""

from __future__ import annotations

from typing import Any

from hotplate.control import endpoints, secrets
from hotplate.control.endpoints import read_row
from hotplate.control.publication import settings_decoder
from hotplate.control.settings import OVERRIDABLE, refused
from hotplate.control.ui.forms import Form
from hotplate.control.ui.pages.endpoint import head
from hotplate.control.ui.view import PREFIX, Go, Page, View
from hotplate.deployment.hardware import profiles

_TEXTS = ("display_name", "description", "instance_type", "volume")
_WHOLE = ("min_replicas", "max_replicas", "initial_replicas", "concurrency_per_replica")
_NUMBERS = ("scale_to_zero", "keep_template_s", "abort_error_rate")


def show(view: View) -> Page:
    """The form."""
    settings = settings_decoder.decode(read_row(view.plane, view.name)["settings"])
    known = [each["key"] for each in secrets.list_secrets(view.plane)] if not view.caller.endpoints else []
    values: dict[str, Any] = {
        "settings": settings,
        "profiles": sorted(profiles()),
        "keys": sorted({*known, *settings.container_secrets}),
        "limits": OVERRIDABLE,
        "variables": "\n".join(f"{name}={value}" for name, value in settings.env_overrides.items()),
    }
    return Page("settings.html", head(view) | values)


def save(view: View) -> Go:
    """Change what is different."""
    found = endpoints.update_endpoint(view.plane, view.caller, view.name, read_change(view.form))
    view.services.rollouts().wake()
    rolling = found["rollout"]["state"] == "rolling"
    note = "Saved. Replicas with these settings are being started." if rolling else "Saved."
    return Go(f"{PREFIX}/e/{view.name}/settings", note)


def read_change(form: Form) -> dict[str, Any]:
    """The form as a merge patch. An empty number goes back to its default."""
    change: dict[str, Any] = {name: form.text(name) for name in _TEXTS if name in form.texts}
    change |= {name: form.whole(name) for name in _WHOLE if name in form.texts}
    change |= {name: form.number(name) for name in _NUMBERS if name in form.texts}
    change["visibility"] = "public" if form.text("visibility") == "public" else "private"
    if "template" in form.texts:
        change["template"] = form.text("template")
    if "policy" in form.texts:
        change["autoscaling"] = {"policy": form.text("policy"), "window_s": form.number("window_s")}
    change["env_overrides"] = read_variables(form.text("env_overrides"))
    change["container_secrets"] = form.all("container_secrets")
    limits = {name: form.number(f"limits.{name}") for name in OVERRIDABLE}
    change["limits"] = {
        name: int(value) if value == int(value) else value for name, value in limits.items() if value is not None
    }
    return change


def read_variables(text: str) -> dict[str, str]:
    """`KEY=VALUE` lines."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        key, equals, value = line.partition("=")
        if not equals or not key.strip():
            raise refused("env_overrides", f"Line {number} is no KEY=VALUE.")
        found[key.strip()] = value
    return found
