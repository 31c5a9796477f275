"""A file over 500 lines holds a second idea. Files over 300 are listed, so that someone looks."""

from __future__ import annotations

import warnings

MAX_LINES = 500
LONG_LINES = 300
CODE = (".py", ".js", ".css", ".html")


def test_no_file_is_too_long(texts):
    sizes = {
        source.name: source.text.count("\n")
        for source in texts
        if source.name.endswith(CODE) and source.name.startswith(("src/", "tests/", "bench/", "examples/"))
    }
    too_long = {name: lines for name, lines in sizes.items() if lines > MAX_LINES}
    long = sorted(name for name, lines in sizes.items() if LONG_LINES < lines <= MAX_LINES)
    if long:
        with warnings.catch_warnings():
            warnings.simplefilter("default", UserWarning)  # one of our own could not travel between pytest's processes
            warnings.warn(
                "over 300 lines, ask what the second idea is: " + ", ".join(f"{name} ({sizes[name]})" for name in long),
                UserWarning,
                stacklevel=1,
            )
    assert too_long == {}, "split these: over 500 lines"


def test_no_module_is_a_drawer(texts):
    drawers = {"utils", "util", "common", "helpers", "helper", "misc", "tools"}
    named = [source.name for source in texts if source.name.startswith("src/") and source.name.endswith(".py")]
    assert [name for name in named if drawers & set(name.removesuffix(".py").split("/"))] == []


def test_the_root_stays_small(texts):
    entries = {source.name.split("/")[0] for source in texts if not source.name.startswith(".")}
    assert len(entries) <= 14, sorted(entries)
