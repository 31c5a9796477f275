"""Values of an image's description: what fits passes unchanged, and nothing else does."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hotplate.errors import SettingError
from hotplate.images import grammar

GOOD = [
    (grammar.check_image, "python:3.12-slim"),
    (grammar.check_image, "docker.io/library/python:3.12-slim"),
    (grammar.check_image, "localhost:5000/team/base__x/y-z"),
    (grammar.check_image, "[::1]:5000/base:1"),
    (grammar.check_image, "base@sha256:" + "0" * 64),
    (grammar.check_package, "libgl1"),
    (grammar.check_package, "g++"),
    (grammar.check_package, "libgl1:amd64=1:1.6.0-1+b1~x"),
    (grammar.check_platform, "linux/arm64/v8"),
    (grammar.check_python, "3.14"),
    (grammar.check_name, "_MODE"),
    (grammar.check_label, "org.opencontainers.image.title"),
    (grammar.check_path, "/opt/project/env"),
    (grammar.check_text, 'Grüße, $HOME \\ "x"'),
]


@pytest.mark.parametrize(("check", "text"), GOOD)
def test_what_fits_passes_unchanged(check, text):
    assert check(text) == text


HOSTILE = [
    "",
    " ",
    "a\nRUN evil",
    "a\r\nRUN evil",
    "a\x0bRUN",
    "a\x00",
    "a\u2028RUN",
    "a && evil",
    "a; evil",
    "$(evil)",
    "`evil`",
    "--option",
    "-o",
    "../../etc/passwd",
    "a#b",
    "a\\",
    "a b",
    "a'b",
    'a"b',
    "a|b",
    "é",
    "a" * 300,
    "x@sha256:" + "g" * 64,
    "/",
    "a//b",
    "/a/../b",
    "/a/./b",
]
CHECKS = [
    grammar.check_image,
    grammar.check_package,
    grammar.check_platform,
    grammar.check_python,
    grammar.check_name,
    grammar.check_label,
    grammar.check_path,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_what_is_hostile_is_refused_everywhere(check, text):
    with pytest.raises(SettingError):
        check(text)


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\x1b[1m", "a\u2028b", "a\u0085b", "x" * 5000])
def test_a_value_is_printable_and_on_one_line(text):
    for make in (grammar.check_text, grammar.quoted, grammar.words):
        with pytest.raises(SettingError):
            make(text)


@given(st.text(max_size=80))
@example('\\"')
@example("$x ${x:-y}")
@example("\\$(x)\\")
def test_a_quoted_value_is_read_back_as_it_was(text):
    """As Dockerfiles are read: a backslash in double quotes keeps what follows it."""
    try:
        given = grammar.quoted(text)
    except SettingError:
        return
    assert given[0] == given[-1] == '"'
    read, inside = "", iter(given[1:-1])
    for character in inside:
        if character == "\\":
            character = next(inside)
        else:
            assert character not in '"$'
        read += character
    assert read == text


@given(st.lists(st.text(max_size=40), min_size=1, max_size=4))
def test_a_command_is_one_line_of_json(texts):
    try:
        line = grammar.words(*texts)
    except SettingError:
        return
    assert "\n" not in line
    assert json.loads(line) == texts
