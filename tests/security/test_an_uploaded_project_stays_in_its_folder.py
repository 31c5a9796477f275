"""Archives sent to the API: hostile ones are refused before anything is built, and leave nothing behind."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile

import pytest
from control_rig import wait_for

MODEL = b"def f() -> int:\n    return 1\n"


def tar(*members: tarfile.TarInfo, mode: str = "w:gz") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size))
    return made.getvalue()


def member(name: str, **facts: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = 1
    for key, value in facts.items():
        setattr(info, key, value)
    return info


def zipped(name: str, data: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return made.getvalue()


HOSTILE = {
    "nothing": b"",
    "no archive": b"#!/bin/sh\nid\n",
    "link out": tar(member("a", type=tarfile.SYMTYPE, linkname="/etc/passwd", size=0)),
    "hard link": tar(member("b"), member("a", type=tarfile.LNKTYPE, linkname="b", size=0)),
    "device": tar(member("a", type=tarfile.CHRTYPE, size=0)),
    "pipe": tar(member("a", type=tarfile.FIFOTYPE, size=0)),
    "upwards": tar(member("../../evil.py")),
    "root": tar(member("/tmp/evil.py")),
    "zip upwards": zipped("../evil.py", b"x"),
    "file as folder": tar(member("a"), member("a/b")),
    "bomb": gzip.compress(tar(member("zeros", size=200 << 20), mode="w"), compresslevel=9),
    "zip bomb": zipped("zeros", bytes(200 << 20)),
    "cut": tar(member("a", size=50_000))[:-200],
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive_is_refused(control, kind):
    before = set(control.home.root.rglob("*.py"))
    reply = control.ask("POST", "/builds?folder=evil", raw=HOSTILE[kind])
    assert reply.status in (400, 413, 422), (reply.status, reply.body)
    assert reply.json()["code"] in ("bad_archive", "limit_exceeded")
    assert list((control.home.root / "uploads").iterdir()) == []
    assert set(control.home.root.rglob("*.py")) == before


@pytest.mark.parametrize(
    "query",
    [
        "folder=..",
        "folder=.hidden",
        "folder=a/b",
        "folder=a%00b",
        "python=/bin/sh",
        "python=3.11%20--evil",
        "scripts=yes",
        "surprise=1",
        "upgrade=maybe",
        "name=" + "x" * 100,
        "target=" + "x" * 300,
    ],
)
def test_parameters_that_say_nonsense_are_refused(control, query):
    reply = control.ask("POST", f"/builds?{query}", raw=zipped("m.py", MODEL))
    assert reply.status == 422, reply.body
    assert list((control.home.root / "uploads").iterdir() if (control.home.root / "uploads").exists() else ()) == []


@pytest.mark.parametrize("word", ["--help", "--store-assets", "-h", "../../outside.py:f", "/etc/passwd:f"])
def test_a_target_is_never_an_option_and_never_outside(control, word):
    begun = control.good("POST", f"/builds?target={word}", raw=zipped("m.py", MODEL))

    def ended():
        found = control.good("GET", f"/builds/{begun['id']}")
        return found if found["state"] in ("built", "failed") else None

    found = wait_for(ended, "the build's end", 60)
    assert found["state"] == "failed", found
    assert found["error"]["code"] != "internal_error", found


def test_more_than_a_few_builds_are_told_to_wait(control):
    slow = zipped("m.py", b"import time\ntime.sleep(5)\n" + MODEL)
    statuses = [control.ask("POST", "/builds?target=m.py:f", raw=slow).status for _ in range(12)]
    assert statuses[0] == 202
    assert statuses[-1] == 429
