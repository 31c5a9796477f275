"""A person at the dashboard: Debian's Chromium driven by Playwright, signed in to a real `hotplate up`.

Every page that is looked at is held to: no script error, nothing refused by the content security policy, nothing asked
of another host. Screenshots are kept in .cache/screenshots, of failing tests too.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from installation import Installation
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PICTURES = Path(__file__).resolve().parents[2] / ".cache/screenshots"
PATIENCE_MS = 30_000

expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def chromium() -> Iterator[Browser]:
    assert CHROMIUM
    flags = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visitor:
    """One browser window of one person."""

    url: str
    context: BrowserContext
    page: Page
    problems: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        self.page.goto(self.url + path)
        return self.page

    def sign_in(self, token: str) -> Page:
        self.go("/ui/sign-in")
        self.page.get_by_label("Token").fill(token)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("heading", name="Endpoints")).to_be_visible()
        return self.page

    def until(self, condition: str) -> None:
        """Wait until a JavaScript expression is true. Playwright's own way needs eval, which is not allowed here."""
        end = time.monotonic() + PATIENCE_MS / 1e3
        while not self.page.evaluate(condition):
            assert time.monotonic() < end, f"never true: {condition}"
            time.sleep(0.05)

    def picture(self, name: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png", full_page=True)

    def watch(self, page: Page) -> Page:
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", self._said)
        page.on("request", lambda request: self._asked(request.url))
        return page

    def _said(self, message: Any) -> None:
        if message.type == "error" and not re.search(r"status of (4\d\d|503)", message.text):
            self.problems.append(message.text)

    def _asked(self, url: str) -> None:
        if urlsplit(url).scheme in ("http", "https") and not url.startswith(self.url):
            self.problems.append(f"asked another host: {url}")


@contextmanager
def visitor(browser: Browser, url: str, **more: Any) -> Iterator[Visitor]:
    """A window that nobody is signed in with. What went wrong in it fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 860}, **more)
    made = Visitor(url, context, context.new_page())
    made.watch(made.page)
    try:
        yield made
        assert made.problems == [], made.problems
    except BaseException:
        test = os.environ.get("PYTEST_CURRENT_TEST", "test").split("::")[-1].split(" ")[0]
        made.picture("failed-" + re.sub(r"\W+", "-", test))
        raise
    finally:
        context.close()


def control_url(site: Installation) -> str:
    return site.supervisor["control_url"]
