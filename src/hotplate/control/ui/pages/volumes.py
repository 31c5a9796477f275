"""Volumes: folders that replicas keep, and the files in them."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from hotplate.control import volumes
from hotplate.control.ledger import record_change
from hotplate.control.settings import refused
from hotplate.control.ui.render import HEADERS
from hotplate.control.ui.view import PREFIX, Go, Page, View


def show(view: View) -> Page:
    """Every volume."""
    return Page("volumes.html", {"volumes": volumes.list_volumes(view.plane)})


def create(view: View) -> Go:
    """Make one."""
    name = view.form.text("volume")
    volumes.create_volume(view.plane, view.caller, name)
    return Go(f"{PREFIX}/volumes/{name}", f"{name} is made.")


def delete(view: View) -> Go:
    """Delete one, once its name was typed."""
    name = view.path["volume"]
    if view.form.text("confirm") != name:
        raise refused("confirm", f"Type {name} to delete it with all that is in it.")
    volumes.delete_volume(view.plane, view.caller, name)
    return Go(f"{PREFIX}/volumes", f"{name} is deleted.")


def files(view: View) -> Page:
    """A folder of one."""
    name, path = view.path["volume"], view.query.get("path", "")
    parts = volumes.split_path(path)
    steps = [("/".join(parts[: index + 1]), part) for index, part in enumerate(parts)]
    found = volumes.list_files(view.plane, name, path)
    values = {"volume": volumes.get_volume(view.plane, name), "files": found, "steps": steps, "path": "/".join(parts)}
    return Page("volume.html", values | {"here": f"{PREFIX}/volumes"})


async def download(view: View) -> Response:
    """A file, never as something that a browser shows."""
    name, path = view.path["volume"], view.query.get("path", "")
    size, pieces = await volumes.stream_file(view.plane, name, path)
    last = quote(path.rsplit("/", 1)[-1], safe="")
    headers = {**HEADERS, "content-length": str(size), "content-disposition": f"attachment; filename*=UTF-8''{last}"}
    return StreamingResponse(pieces, headers=headers, media_type="application/octet-stream")


def upload(view: View) -> Go:
    """Put a file into the folder that is shown."""
    name, path = view.path["volume"], view.form.text("path")
    given = view.form.files.get("file")
    if given is None:
        raise refused("file", "Choose a file.")
    target = "/".join(part for part in (path, (given.filename or "file").replace("\\", "/").rsplit("/", 1)[-1]) if part)
    made = volumes.Upload(view.plane, name, target)
    try:
        while piece := given.file.read(volumes.PIECE_BYTES):
            made.write(piece)
        made.keep()
    finally:
        made.close()
    record_change(view.plane.database, view.caller.id, "volume.cp", name, target)
    return Go(_at(name, path), f"{target} is stored.")


def remove(view: View) -> Go:
    """Remove a file, or a folder with what is in it."""
    name, path = view.path["volume"], view.form.text("path")
    volumes.remove_file(view.plane, view.caller, name, path, recursive=True)
    return Go(_at(name, path.rpartition("/")[0]), f"{path} is removed.")


def _at(name: str, path: str) -> str:
    return f"{PREFIX}/volumes/{name}" + (f"?path={quote(path)}" if path else "")
