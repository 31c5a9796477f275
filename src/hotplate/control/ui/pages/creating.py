"""Create: an endpoint from a folder of this machine, a git repository or an archive; and the deploy as it goes on."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hotplate.build.archive import extract
from hotplate.control import secrets
from hotplate.control.settings import refused
from hotplate.control.ui import creating
from hotplate.control.ui.deploys import Deploy
from hotplate.control.ui.view import PREFIX, Go, Page, View
from hotplate.deployment.hardware import profiles
from hotplate.errors import NotFound


def form(view: View) -> Page:
    """The form."""
    keys = [each["key"] for each in secrets.list_secrets(view.plane)] if not view.caller.endpoints else []
    values = {"profiles": sorted(profiles()), "keys": keys, "types": creating.TYPES, "here": f"{PREFIX}/new"}
    return Page("new.html", values)


def start(view: View) -> Go:
    """Start the deploy."""
    kind, text = creating.source(view.form)
    options = creating.options(view.form)
    kept: Path | None = None
    if kind == "upload":
        kept = Path(tempfile.mkdtemp(prefix="upload-", dir=view.plane.home.run))
        try:
            first = [str(_unpack(view, kept))]
        except BaseException:
            shutil.rmtree(kept, ignore_errors=True)
            raise
        shown = ["PROJECT", *options]
    else:
        first = ["--model", text] if kind == "git" else [text]
        shown = [*first, *options]
    try:
        deploy = view.services.deploys.start(
            [*first, *options], view.caller, view.session.token, shown=shown, folder=kept
        )
    except BaseException:
        if kept is not None:
            shutil.rmtree(kept, ignore_errors=True)
        raise
    return Go(f"{PREFIX}/deploys/{deploy.id}")


def _unpack(view: View, kept: Path) -> Path:
    """The uploaded project's folder."""
    upload = view.form.files.get("archive")
    if upload is None:
        raise refused("archive", "Choose a .zip, .tar or .tar.gz of the project.")
    folder = kept / "files"
    extract(upload.file, folder)
    project = creating.unwrap(folder)
    name = Path(upload.filename or "project").name.split(".")[0]
    clean = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in name).strip("-").lower()
    named = kept / (clean or "project")  # a project without a name of its own is called as its folder
    if named != project and not named.exists():
        return project.rename(named)
    return project


def show(view: View) -> Page:
    """A deploy as it goes on."""
    return Page("deploy.html", {"deploy": _mine(view), "here": f"{PREFIX}/new"})


def cancel(view: View) -> Go:
    """End a deploy."""
    deploy = _mine(view)
    view.services.deploys.cancel(deploy)
    return Go(f"{PREFIX}/deploys/{deploy.id}")


def _mine(view: View) -> Deploy:
    """Others' deploys show folders and variables: only who started one, and admins, see it."""
    deploy = view.services.deploys.get(view.path["deploy"])
    if deploy is None or (deploy.caller.id != view.caller.id and not view.may("admin")):
        raise NotFound("There is no such deploy here any more.")
    return deploy
