"""What may stand in an image's description: each kind of value has its grammar, and what does not fit is an error.

Nothing that a project's files say is ever pasted into a Dockerfile without passing through here, so that no value can
become an instruction (CVE-2026-33744 was that).
"""

from __future__ import annotations

import json
import re

from hotplate.errors import SettingError

_DOMAIN = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
_IMAGE = re.compile(
    rf"(?:(?:{_DOMAIN}|\[[0-9a-fA-F:]{{2,39}}\])(?::[0-9]{{1,5}})?/)?{_PART}(?:/{_PART})*(?::{_TAG})?"
    r"(?:@sha256:[0-9a-f]{64})?"
)
"""https://github.com/distribution/reference: its grammar, with sha256 as the one digest."""
_REPOSITORY_CHARACTERS = 255

_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]{1,127}(?::[a-z0-9-]{2,32})?(?:=[0-9][A-Za-z0-9.+:~-]{0,127})?")
"""Debian Policy, sections 5.6.1 and 5.6.12: a name, perhaps an architecture, perhaps a version."""

_PLATFORM = re.compile(r"linux/(?:amd64|arm64(?:/v8)?|arm/v[67]|386|ppc64le|riscv64|s390x)")
_PYTHON = re.compile(r"3\.[0-9]{1,2}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_LABEL = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
_PATH = re.compile(r"/[A-Za-z0-9._+-]+(?:/[A-Za-z0-9._+-]+)*")
_TEXT_CHARACTERS = 4096


def check_image(text: str) -> str:
    """The name of an image, such as `python:3.12-slim` or `registry.example.org/team/base@sha256:…`."""
    name = text.partition("@")[0]
    return _fits(_IMAGE, text, "names no image", len(name) <= _REPOSITORY_CHARACTERS)


def check_package(text: str) -> str:
    """A package of the image's system: `ffmpeg`, `libgl1:amd64`, `curl=7.88.1-10`."""
    return _fits(_PACKAGE, text, "names no system package")


def check_platform(text: str) -> str:
    """What a machine must be to run the image: `linux/amd64`."""
    return _fits(_PLATFORM, text, "is no platform such as linux/amd64 or linux/arm64")


def check_python(text: str) -> str:
    """The version of Python: `3.12`."""
    return _fits(_PYTHON, text, "is no version of Python such as 3.12")


def check_name(text: str) -> str:
    """The name of a variable."""
    return _fits(_VARIABLE, text, "cannot name a variable")


def check_label(text: str) -> str:
    """The name of a label: `org.opencontainers.image.title`."""
    return _fits(_LABEL, text, "cannot name a label", len(text) <= 128)


def check_path(text: str) -> str:
    """An absolute path in the image, made of plain characters and leading nowhere else."""
    return _fits(_PATH, text, "is no plain path in an image", not {".", ".."} & set(text.split("/")))


def check_text(text: str) -> str:
    """The value of a variable or a label: printable, on one line."""
    if len(text) > _TEXT_CHARACTERS:
        raise SettingError(f"A value of {len(text)} characters is too long for an image; {_TEXT_CHARACTERS} fit.")
    if not text.isprintable():
        raise SettingError(f"{text[:70]!a} cannot stand in an image: it is not printable text on one line.")
    return text


def quoted(text: str) -> str:
    """A value in double quotes, in which a Dockerfile neither ends it early nor puts a variable in."""
    return '"' + re.sub(r'([\\"$])', r"\\\1", check_text(text)) + '"'


def words(*each: str) -> str:
    """A command in exec form, which no shell reads."""
    return json.dumps([check_text(word) for word in each], ensure_ascii=False)


def _fits(pattern: re.Pattern[str], text: str, but: str, also: bool = True) -> str:
    if not also or not pattern.fullmatch(text):
        raise SettingError(f"{text[:70]!a} {but}.")
    return text
