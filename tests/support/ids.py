"""The ids by which xdist hands out tests: one for each test, and its group in it.

For a conftest, which calls `group` after xdist. Pytest 9.2 keeps an id in another place than the one that xdist 3.8
writes the group to, and leaves out what Schemathesis puts into a test's name: without this each test is handed out by
itself, every process makes the fixtures of all groups, and of tests with one id a single one is run.
"""

from __future__ import annotations

from collections import Counter

import pytest


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let its whole name be in its id."""
    if not item.nodeid.endswith(item.name) and item.parent is not None:
        _call(item, f"{item.parent.nodeid}::{item.name}")


def group(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let its group be in its id, where tests are handed out by groups; refuse two tests of one id."""
    if hasattr(config, "workerinput") and config.getvalue("loadgroup"):
        for item in items:
            groups = sorted({str(mark.args[0]) for mark in item.iter_markers("xdist_group")})
            end = f"@{'_'.join(groups)}"
            if groups and not item.nodeid.endswith(end):
                _call(item, item.nodeid + end)
    several = [name for name, count in Counter(item.nodeid for item in items).items() if count > 1]
    if several:
        raise pytest.UsageError(f"several tests have one id, and side by side only one of them would run: {several}")


def _call(item: pytest.Item, name: str) -> None:
    item._id = type(item._id).parse(name)  # pyright: ignore
