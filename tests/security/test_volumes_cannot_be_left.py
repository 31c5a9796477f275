"""Names and paths of volumes, and links that code puts into one: nothing outside is read, written or removed."""

from __future__ import annotations

import os
import socket
from urllib.parse import quote

import pytest
from control_rig import wait_for

ESCAPES = [
    "..",
    "../x",
    "a/../../x",
    "/../x",
    "....//x/../..",
    "a/..",
    "..\\x",
    "a\0b",
    "\ud800",
    "a\nb",
    "x" * 2000,
    "/".join(["d"] * 100),
]
NAMES = ["..", ".", "a/b", "%2e%2e", "A", "", "a" * 64, "a\0"]


@pytest.fixture(scope="module")
def volume(control):
    control.good("POST", "/volumes", {"name": "vol"})
    outside = control.home.root / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    inside = control.home.volumes / "vol"
    (inside / "out").symlink_to(outside)
    (inside / "file-out").symlink_to(outside / "kept")
    (inside / "loop").symlink_to("loop")
    os.mkfifo(inside / "pipe")
    return inside


def file_url(path: str) -> str:
    return f"/volumes/vol/file?path={quote(path, safe='', errors='surrogatepass')}"


@pytest.mark.parametrize("number", range(len(ESCAPES)))
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_path_out_of_the_volume_is_refused(control, volume, method, number):
    reply = control.ask(method, file_url(ESCAPES[number]), raw=b"written" if method == "PUT" else None)
    assert reply.status in (400, 404, 422), reply.body
    assert not (control.home.volumes / "x").exists()
    assert control.ask("GET", f"/volumes/vol/files?path={quote(ESCAPES[number], errors='replace')}").status in (
        404,
        422,
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_a_path_is_no_volume(control, volume, name):
    assert control.ask("POST", "/volumes", {"name": name}).status == 422
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/files"), ("GET", "/file?path=kept")):
        target = f"/volumes/{quote(name, safe='')}{path}"
        assert control.ask(method, target).status in (404, 405, 422), target


@pytest.mark.parametrize("path", ["out/kept", "out", "file-out", "loop", "loop/x", "pipe", "pipe/x"])
def test_what_is_no_file_of_the_volume_is_not_read(control, volume, path):
    reply = control.ask("GET", file_url(path))
    assert reply.status in (404, 422), reply.body
    assert b"kept" not in reply.body.replace(path.encode(), b"")


@pytest.mark.parametrize("path", ["out/new", "out/kept", "loop/x", "pipe/x"])
def test_nothing_is_written_through_a_link(control, volume, path):
    assert control.ask("PUT", file_url(path), raw=b"written").status == 422
    assert (control.home.root / "outside" / "kept").read_text() == "kept"
    assert not (control.home.root / "outside" / "new").exists()


def test_a_file_takes_the_place_of_a_link_and_not_of_what_it_points_to(control, volume):
    assert control.ask("PUT", file_url("file-out"), raw=b"written").status == 200
    assert (control.home.root / "outside" / "kept").read_text() == "kept"
    assert (volume / "file-out").read_text() == "written"
    assert not (volume / "file-out").is_symlink()


def test_removing_a_link_or_the_volume_leaves_what_it_points_to(control):
    control.good("POST", "/volumes", {"name": "gone"})
    outside = control.home.root / "outside-two"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    inside = control.home.volumes / "gone"
    (inside / "folder").mkdir()
    (inside / "folder" / "link").symlink_to(outside)
    (inside / "link").symlink_to(outside)
    assert control.ask("DELETE", "/volumes/gone/file?path=folder").status == 409
    control.good("DELETE", "/volumes/gone/file?path=link&recursive=true")
    control.good("DELETE", "/volumes/gone/file?path=folder&recursive=true")
    (inside / "link").symlink_to(outside)
    control.good("DELETE", "/volumes/gone")
    assert not inside.exists()
    assert (outside / "kept").read_text() == "kept"


def test_files_go_in_and_come_out_whole(control, volume):
    data = os.urandom(3_000_000)
    assert control.good("PUT", file_url("a/b/weights.bin"), raw=data) == {"path": "a/b/weights.bin", "size": len(data)}
    reply = control.ask("GET", file_url("a/b/weights.bin"))
    assert reply.body == data
    listed = control.good("GET", "/volumes/vol/files?path=a/b")
    assert [(each["name"], each["kind"], each["size"]) for each in listed] == [("weights.bin", "file", len(data))]
    assert (volume / "a" / "b" / "weights.bin").stat().st_mode & 0o077 == 0
    control.good("DELETE", file_url("a/b/weights.bin"))
    assert control.ask("GET", file_url("a/b/weights.bin")).status == 404


def test_an_upload_that_breaks_off_leaves_nothing(control, volume):
    with socket.create_connection(("127.0.0.1", control.port)) as client:
        head = f"PUT /api/v1{file_url('half')} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {control.admin}\r\n"
        client.sendall(head.encode() + b"Content-Length: 1000000\r\n\r\n" + b"x" * 1000)
    wait_for(lambda: not [path for path in volume.iterdir() if path.name.startswith(".half")], "the end of the upload")
    assert not (volume / "half").exists()
