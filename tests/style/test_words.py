"""The repository speaks of itself alone: no place where it was written, no notes to self."""

from __future__ import annotations

import getpass
import re
import socket

import pytest
from repository import ROOT, Source

ORDINARY = {"bin", "dev", "etc", "home", "lib", "mnt", "opt", "private", "proc", "root", "run", "srv", "sys", "tmp"}
ORDINARY |= {"Users", "usr", "var", "app", "src", "code", "workspace", "builds", "github"}

NOTES = re.compile(r"\b(TODO|FIXME|XXX|HACK|WIP)\b")
TICKETS = re.compile(r"\b[Ii]ssue #?\d+\b")
HOMES = re.compile(r"(?<![\w.])/(?:home|Users)/(?!you\b|user\b)\w+|(?<![\w.])/root/")


def places() -> re.Pattern[str]:
    """What tells where this checkout lies: its folders, its host, its user."""
    words = [re.escape(str(folder)) + r"\b" for folder in (ROOT, ROOT.parent) if len(folder.parts) > 2]
    if len(ROOT.parts) > 1 and ROOT.parts[1] not in ORDINARY:
        words.append(rf"(?<![\w.])/{re.escape(ROOT.parts[1])}/")
    host, user = socket.gethostname(), getpass.getuser()
    if len(host) > 5 and host != "localhost":
        words.append(rf"\b{re.escape(host)}\b")
    if len(user) > 5 and user not in ("runner", "ubuntu", "vagrant", "nobody"):
        words.append(rf"\b{re.escape(user)}\b")
    return re.compile("|".join(words or [r"(?!)"]))


def found(source: Source, *patterns: re.Pattern[str]) -> list[str]:
    return [
        f"{source.name}:{number}: {match.group()}"
        for number, line in enumerate(source.text.splitlines(), 1)
        for pattern in patterns
        if (match := pattern.search(line))
    ]


def test_no_file_says_where_it_was_written(texts):
    patterns = (places(), HOMES)
    texts = [source for source in texts if source.name not in ("uv.lock", "tests/style/test_words.py")]
    assert [hit for source in texts for hit in found(source, *patterns)] == []


def test_no_note_to_self_is_left(texts):
    texts = [source for source in texts if source.name not in ("uv.lock", "tests/style/test_words.py")]
    assert [hit for source in texts for hit in found(source, NOTES, TICKETS)] == []


@pytest.mark.parametrize("line", [f"see {ROOT}/src", "# TODO: later", "fixes issue 12", "/home/alice/x", "/root/.ssh"])
def test_such_a_word_is_found(line):
    assert found(Source("x.md", line), places(), HOMES, NOTES, TICKETS)


@pytest.mark.parametrize("line", ["in the tree", "POST /infer", "an issue with pydantic", "https://a.b/home/page"])
def test_ordinary_words_are_not(line):
    assert found(Source("x.md", line), places(), HOMES, NOTES, TICKETS) == []
