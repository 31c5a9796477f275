"""Ten tabs of a real browser, open for ten minutes while calls run: neither they nor control grow."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from dashboard_rig import Visitor, control_url, visitor
from installation import Installation
from playwright.sync_api import Browser, CDPSession

MINUTES = 10
PATHS = ("/ui/", "/ui/e/hello", "/ui/e/hello/logs", "/ui/jobs", "/ui/machine")
"""Five tabs of each of two browsers' profiles: one has six connections to a host."""
NAMES = ("JSHeapUsedSize", "Nodes", "JSEventListeners")
MOST_MB, MOST_MORE, MOST_FILES = 8, 1.3, 4
COUNT = """window.changes = 0;
  const observer = new MutationObserver((all) => { window.changes += all.length; });
  observer.observe(document.body, { childList: true, subtree: true });"""
"""A tab that is told of nothing leaks nothing either: each must have changed meanwhile."""
LINES_KEPT, AT_ONCE = 3000, 280
"""Of the page of logs (static/logs.js); and fewer than it is sent at one look."""


def control_pid() -> int:
    """The control process that this test's process started, by way of its supervisor."""
    mine = {
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if b"hotplate.control" in _read(path) and _home(path.parent) in HOMES
    }
    (found,) = mine
    return found


HOMES: set[str] = set()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _home(process: Path) -> str:
    words = _read(process / "environ").split(b"\0")
    return next((word.partition(b"=")[2].decode() for word in words if word.startswith(b"HOTPLATE_HOME=")), "")


def rss_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.fixture
def tabs(browser: Browser, site: Installation) -> Iterator[list[tuple[str, CDPSession]]]:
    with ExitStack() as stack:
        found: list[tuple[str, CDPSession]] = []
        for _ in range(2):
            guest: Visitor = stack.enter_context(visitor(browser, control_url(site)))
            guest.sign_in(site.admin)
            guest.go("/ui/sign-in")
            for path in PATHS:
                page = guest.watch(guest.context.new_page())
                page.goto(control_url(site) + path)
                session = guest.context.new_cdp_session(page)
                session.send("Performance.enable")
                found.append((path, session))
        yield found


def sizes(session: CDPSession) -> dict[str, float]:
    """What a tab holds once what it let go of is collected."""
    session.send("HeapProfiler.collectGarbage")
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    return {name: metrics[name] for name in NAMES}


def evaluate(session: CDPSession, script: str) -> Any:
    return session.send("Runtime.evaluate", {"expression": script, "returnByValue": True})["result"].get("value")


def fill_log(site: Installation, tabs: list[tuple[str, CDPSession]]) -> None:
    """Print as many lines as a page of logs keeps, as fast as it takes them: from then on, each new one ends an old."""
    pages = [session for path, session in tabs if path.endswith("/logs")]
    shown, number, end = 0, 0, time.monotonic() + 60
    while shown < LINES_KEPT:
        with (site.root / "logs" / "hello" / "current.jsonl").open("a") as log:
            for _ in range(AT_ONCE):
                number += 1
                text = {"at": time.time(), "replica": 1, "revision": "r", "stream": "stdout", "text": f"line {number}"}
                log.write(json.dumps(text) + "\n")
        time.sleep(1)
        shown = min(evaluate(page, "document.querySelectorAll('#log li').length") for page in pages)
        assert time.monotonic() < end, f"{shown} lines are shown of {number}"


@pytest.mark.soak
@pytest.mark.timeout(1500)
def test_ten_real_tabs_for_ten_minutes(site: Installation, tabs: list[tuple[str, CDPSession]]) -> None:
    HOMES.add(str(site.root))
    pid = control_pid()
    fill_log(site, tabs)
    for _, session in tabs:
        evaluate(session, COUNT)
    seen: list[list[dict[str, float]]] = []
    memory: list[float] = []
    files: list[int] = []
    later = {"Prefer": "respond-async", "Authorization": f"Bearer {site.admin}"}
    end = time.monotonic() + MINUTES * 60
    while time.monotonic() < end:
        until = time.monotonic() + MINUTES * 6
        while time.monotonic() < until:
            for n in range(5):
                site.call("/hello/infer", {"prompt": str(n)}, site.admin)
            site.send("/hello/infer", {"prompt": "later"}, later)
            time.sleep(1)
        still = [path for path, session in tabs if not evaluate(session, "window.changes")]
        assert still == [], "nothing changed there any more"
        for _, session in tabs:
            evaluate(session, "window.changes = 0")
        seen.append([sizes(session) for _, session in tabs])
        memory.append(rss_mb(pid))
        files.append(len(os.listdir(f"/proc/{pid}/fd")))
        told = {
            path: {name: round(each[name]) for name in NAMES} for (path, _), each in zip(tabs, seen[-1], strict=True)
        }
        print(f"control: {memory[-1]:.1f} MB, {files[-1]} files; tabs: {told}", flush=True)
    half = len(seen) // 2
    grown = [
        f"{path} (tab {number}): {name} {[round(each[number][name]) for each in seen]}"
        for number, (path, _) in enumerate(tabs)
        for name in NAMES
        if seen[-1][number][name] > seen[half][number][name] * MOST_MORE + 500
    ]
    assert grown == []
    assert memory[-1] - memory[half] < MOST_MB, memory
    assert files[-1] - files[half] <= MOST_FILES, files
