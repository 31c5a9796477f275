"""Logins to registries of images: kept, given another token, forgotten. A token is never shown again."""

from __future__ import annotations

from hotplate.control import registry_credentials as credentials
from hotplate.control.settings import convert, refused
from hotplate.control.ui.view import PREFIX, Go, Page, View
from hotplate.images.reference import HUB


def show(view: View) -> Page:
    """Every login without its token."""
    return Page("registries.html", {"logins": credentials.list_registry_credentials(view.plane), "hub": HUB})


def create(view: View) -> Go:
    """Keep a new one."""
    form = view.form
    given = {"key": form.text("key"), "registry": form.text("registry") or HUB, "username": form.text("username")}
    made = convert({**given, "token": _token(view)}, credentials.RegistryCredentialCreate)
    credentials.create_registry_credential(view.plane, view.caller, made)
    return Go(f"{PREFIX}/registries", f"{given['key']} is kept.")


def update(view: View) -> Go:
    """Give one another token."""
    key = view.path["key"]
    given = convert({"token": _token(view)}, credentials.RegistryCredentialUpdate)
    credentials.update_registry_credential(view.plane, view.caller, key, given)
    return Go(f"{PREFIX}/registries", f"{key} has another token.")


def delete(view: View) -> Go:
    """Forget one."""
    key = view.path["key"]
    credentials.delete_registry_credential(view.plane, view.caller, key)
    return Go(f"{PREFIX}/registries", f"{key} is deleted.")


def _token(view: View) -> str:
    """As it was typed, blanks and all."""
    token = view.form.all("token")
    if not token or not token[0]:
        raise refused("token", "Type the password or the access token.")
    return token[0]
