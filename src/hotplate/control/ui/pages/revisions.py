"""An endpoint's revisions: what each changed for callers, their shares of the traffic, and the way back."""

from __future__ import annotations

from typing import Any

from hotplate.control import deployments, revisions
from hotplate.control.publication import read_revision
from hotplate.control.settings import refused
from hotplate.control.ui.contract_changes import Change, changes
from hotplate.control.ui.pages.endpoint import head
from hotplate.control.ui.view import PREFIX, Go, Page, View
from hotplate.errors import HotplateError

MAX_SHOWN = 50
MAX_SPLIT = 8


def show(view: View) -> Page:
    """The list, the newest first, and what was deployed when."""
    found = revisions.list_revisions(view.plane, view.name)[:MAX_SHOWN]
    names = {row["id"]: row["name"] for row in view.plane.database.rows("SELECT id, name FROM tokens")}
    rows = [
        {**each, "by": names.get(each["token"], each["token"]), **_about(view, each, found[index + 1 :])}
        for index, each in enumerate(found)
    ]
    history = [
        {**each, "by": names.get(each["token"], each["token"])}
        for each in deployments.list_deployments(view.plane, view.name)[:20]
    ]
    numbers = {each["revision"]: each["number"] for each in revisions.list_revisions(view.plane, view.name)}
    values = {"rows": rows, "history": history, "numbers": numbers, "splittable": [r for r in rows if r["built"]]}
    return Page("revisions.html", head(view) | values)


def _about(view: View, each: dict[str, Any], older: list[dict[str, Any]]) -> dict[str, Any]:
    """Its routes, and what is different from the one before. Files that are gone say nothing."""
    found: list[Change] = []
    try:
        mine = read_revision(view.plane.home, each["revision"])
        if older and older[0]["built"]:
            found = changes(read_revision(view.plane.home, older[0]["revision"]).contract, mine.contract)
    except HotplateError:
        return {"dialect": "", "routes": [], "changes": [], "before": None}
    routes = [f"{route.method} {route.path}" for route in mine.contract.routes]
    before = older[0]["number"] if older and older[0]["built"] else None
    return {"dialect": mine.dialect, "routes": routes, "changes": found, "before": before}


def rollback(view: View) -> Go:
    """Send all calls to an earlier revision."""
    word = view.form.text("revision")
    deployments.rollback(view.plane, view.caller, view.name, deployments.Rollback(revision=word))
    view.services.rollouts().wake()
    return Go(f"{PREFIX}/e/{view.name}/revisions", f"Going back to {f'revision {word}' if word else 'the one before'}.")


def split(view: View) -> Go:
    """Share the calls out."""
    shares: dict[str, float] = {}
    for name in view.form.texts:
        if name.startswith("share-") and (value := view.form.number(name)):
            shares[name.removeprefix("share-")] = value
    if not shares or len(shares) > MAX_SPLIT:
        raise refused("traffic", f"Give 1 to {MAX_SPLIT} revisions a share; together they are 100.")
    if any(not 0 < value <= 100 for value in shares.values()):
        raise refused("traffic", "A share is more than 0 and up to 100.")
    deployments.split(view.plane, view.caller, view.name, deployments.Split(traffic=shares))
    view.services.rollouts().wake()
    return Go(f"{PREFIX}/e/{view.name}/revisions", "The calls are shared out anew.")
