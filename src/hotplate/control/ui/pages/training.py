"""Trainings: jobs that run alone, with the arguments that they were given and the files that they left."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from starlette.responses import Response

from hotplate.control.ui.pages.endpoint import head
from hotplate.control.ui.server_calls import ask, send_file
from hotplate.control.ui.view import PREFIX, Page, View
from hotplate.errors import HotplateError, NotFound

PAGE = 50
MAX_SHOWN = 500
"""Files that a page names; the others are fetched by whoever knows their names."""


def show(view: View) -> Page:
    """The newest trainings with their arguments."""
    before = view.query.get("before", "")
    query = {"origin": "deepaas", "limit": str(PAGE)} | ({"before": before} if before else {})
    values = head(view) | {"here": f"{PREFIX}/e/{view.name}/jobs"}
    try:
        found: Any = ask(view, "GET", f"/jobs?{urlencode(query)}")
    except NotFound:
        found = {"jobs": [], "next_before": None}
    older = found["next_before"]
    return Page("trainings.html", values | {"jobs": found["jobs"], "older": f"?before={older}" if older else ""})


def artifacts_of(view: View, job: dict[str, Any]) -> dict[str, Any] | None:
    """The files of a training; None of another job, or where they cannot be read."""
    if "arguments" not in job:
        return None
    try:
        found = ask(view, "GET", f"/jobs/{quote(job['id'], safe='')}/artifacts")["artifacts"]
    except HotplateError:
        return None
    base = f"{PREFIX}/e/{view.name}/jobs/{quote(job['id'], safe='')}/artifacts"
    files = [{**each, "link": f"{base}?path={quote(each['path'], safe='')}"} for each in found[:MAX_SHOWN]]
    return {"files": files, "more": len(found) - len(files), "bytes": sum(each["bytes"] for each in found)}


async def download(view: View) -> Response:
    """A file that a training left."""
    path = view.query.get("path", "")
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise NotFound(f"The job has no artifact {path[:200]!r}.")
    job = quote(view.path["job"], safe="")
    return await send_file(view, f"/jobs/{job}/artifacts/{quote(path)}", path.rsplit("/", 1)[-1])
