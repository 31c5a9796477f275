"""Tokens and secrets: made, given another value, taken away. A token is shown once, a secret's value never."""

from __future__ import annotations

from typing import cast

from hotplate.control import secrets, tokens
from hotplate.control.settings import convert, refused
from hotplate.control.ui.view import PREFIX, Go, Page, View
from hotplate.deployment.records import Scope

SCOPES = {
    "invoke": "call endpoints",
    "read": "see endpoints, logs and events",
    "deploy": "deploy, change and delete",
    "admin": "everything, tokens too",
}
LASTS = {"": "until revoked", "3600": "an hour", "86400": "a day", "2592000": "30 days", "31536000": "a year"}


def show_tokens(view: View) -> Page:
    """Every token."""
    rows = view.plane.database.rows("SELECT name FROM endpoints ORDER BY name")
    names = [row["name"] for row in rows]
    once, view.session.once = view.session.once, ""
    values = {"tokens": tokens.list_tokens(view.plane), "scopes": SCOPES, "lasts": LASTS, "names": names, "once": once}
    return Page("tokens.html", values)


def create_token(view: View) -> Go:
    """Make one. Its text waits in the session for the one page that shows it."""
    form = view.form
    given = {
        "name": form.text("name"),
        "scopes": cast("list[Scope]", form.all("scopes")),
        "endpoints": [each for each in form.all("endpoints") if each],
        "expires_in_s": form.number("expires_in_s"),
        "rate_per_s": form.number("rate_per_s"),
        "concurrency": form.whole("concurrency"),
    }
    if not given["scopes"]:
        raise refused("scopes", "Choose what it may do.")
    made = tokens.create_token(view.plane, view.caller, convert(given, tokens.TokenCreate))
    view.session.once = made["token"]
    return Go(f"{PREFIX}/tokens")


def revoke_token(view: View) -> Go:
    """Take one away."""
    tokens.revoke_token(view.plane, view.caller, view.path["id"])
    return Go(f"{PREFIX}/tokens", "The token is revoked.")


def show_secrets(view: View) -> Page:
    """The names of all secrets, and who finds them."""
    found = [
        {**each, "endpoints": secrets.used_by(view.plane, each["key"])} for each in secrets.list_secrets(view.plane)
    ]
    return Page("secrets.html", {"secrets": found})


def create_secret(view: View) -> Go:
    """Keep a new one."""
    given = {"key": view.form.text("key"), "value": _value(view)}
    secrets.create_secret(view.plane, view.caller, convert(given, secrets.SecretCreate))
    return Go(f"{PREFIX}/secrets", f"{given['key']} is kept.")


def update_secret(view: View) -> Go:
    """Give one another value."""
    given = convert({"value": _value(view)}, secrets.SecretUpdate)
    secrets.update_secret(view.plane, view.caller, view.path["key"], given)
    return Go(f"{PREFIX}/secrets", f"{view.path['key']} has another value. Endpoints get it with their next replicas.")


def delete_secret(view: View) -> Go:
    """Take one away."""
    secrets.delete_secret(view.plane, view.caller, view.path["key"])
    return Go(f"{PREFIX}/secrets", f"{view.path['key']} is deleted.")


def _value(view: View) -> str:
    """As it was typed, blanks and all."""
    value = view.form.all("value")
    if not value or not value[0]:
        raise refused("value", "Type a value.")
    return value[0]
