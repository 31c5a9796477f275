"""Texts that others chose (descriptions, logs, errors, tokens, files, events, answers) are never markup or script."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from dashboard_rig import Visitor
from installation import Installation
from playwright.sync_api import expect

CORPUS = (
    "<script>window.hurt=1</script>",
    "<img src=x onerror=window.hurt=1>",
    '"><svg onload=window.hurt=1>',
    "'-window.hurt=1-'",
    "javascript:window.hurt=1",
    "{{ 7 * 7 }}{% raw %}",
    "</textarea><iframe srcdoc='<script>parent.hurt=1</script>'>",
    '<a href="javascript:window.hurt=1">press</a>',
    "\u202e<b>reversed</b>\u0000",
    "${window.hurt=1}`",
)
PAGES = (
    "/ui/",
    "/ui/e/hello",
    "/ui/e/hello/logs",
    "/ui/e/hello/logs?text=%22%3E%3Csvg%20onload%3Dwindow.hurt%3D1%3E",
    "/ui/e/hello/settings",
    "/ui/e/hello/events",
    "/ui/e/hello/revisions",
    "/ui/e/hello/try",
    "/ui/e/hello/jobs",
    "/ui/e/hello/jobs/odd",
    "/ui/e/hello/trainings",
    "/ui/e/hello/webhooks",
    "/ui/jobs",
    "/ui/jobs?endpoint=%22%3E%3Csvg%20onload%3Dwindow.hurt%3D1%3E",
    "/ui/registries",
    "/ui/tokens",
    "/ui/secrets",
    "/ui/volumes/odd",
    "/ui/audit",
    "/ui/machine",
    "/ui/%3Cscript%3Ewindow.hurt=1%3C/script%3E",
    "/ui/e/%3Cimg%20src=x%20onerror=window.hurt=1%3E",
    "/ui/sign-in?to=%22%3E%3Cscript%3Ewindow.hurt=1%3C/script%3E",
)


TABS = 4
"""Open at once: a browser has six connections to a host."""
HURT = """(() => {
  const all = (what) => [...document.querySelectorAll(what)];
  const nodes = all("iframe, main script, main img, main b[onload], [onerror], [onload]").map((node) => node.outerHTML);
  const links = all("a").map((link) => link.href).filter((to) => to.toLowerCase().startsWith("javascript:"));
  return [...(window.hurt === undefined ? [] : ["a script ran"]), ...nodes, ...links].join(" ");
})()"""
"""What of a page is more than text, though somebody else wrote it."""


@pytest.fixture(scope="module")
def dirty(site: Installation) -> Installation:
    """Every place that takes a text has the worst of them."""
    text = " ".join(CORPUS).replace("\0", "")
    flags = ("--set", f"display_name={json.dumps(text[:200])}", "--description", text, "--env", f"ODD={text}")
    site.run("endpoint", "update", "--name", "hello", *flags)
    for entry in CORPUS:
        site.call("/hello/infer", {"prompt": entry}, site.admin)
        site.call("/hello/fail", {"why": entry}, site.admin)
    login = ("--registry", "ghcr.io", "--username", "<img src=x onerror=window.hurt=1>")
    site.run("regcred", "create", "--name", "ODD", *login, given="token of it")
    site.run("token", "create", "--name", text[:90].strip(), "--scope", "read")
    site.run("volume", "create", "odd")
    folder = site.root / "volumes" / "odd"
    for entry in CORPUS[:3]:
        (folder / entry.replace("/", "∕")).write_text("x")
    with (site.root / "logs" / "hello" / "current.jsonl").open("a") as log:
        for entry in CORPUS:
            line = {
                "at": time.time(),
                "replica": entry,
                "revision": entry,
                "stream": entry,
                "text": entry,
                "request_id": entry,
            }
            log.write(json.dumps(line) + "\n")
    return site


@pytest.fixture(scope="module")
def odd_job(dirty: Installation) -> str:
    """A job with a webhook that nobody takes, and that fails with the worst of texts."""
    hook = "http://127.0.0.1:1/<img src=x onerror=window.hurt=1>".replace("<", "%3C").replace(" ", "%20")
    headers = {"Prefer": "respond-async", "Hotplate-Webhook": hook, "Authorization": f"Bearer {dirty.admin}"}
    status, job = dirty.send("/hello/never", {"why": CORPUS[0] + CORPUS[1] + CORPUS[2]}, headers)
    assert status == 202, job
    return str(job["id"])


def test_every_page_shows_it_as_text(admin: Visitor, dirty: Installation, odd_job: str) -> None:
    wrong: dict[str, str] = {}
    paths = [path.replace("/jobs/odd", f"/jobs/{odd_job}") for path in PAGES]
    for begin in range(0, len(paths), TABS):
        tabs = {path: admin.watch(admin.context.new_page()) for path in paths[begin : begin + TABS]}
        for path, tab in tabs.items():
            tab.goto(admin.url + path)
        admin.page.wait_for_timeout(300)  # what is sent to open pages is put into them meanwhile
        for path, tab in tabs.items():
            if hurt := tab.evaluate(HURT):
                wrong[path] = hurt
            tab.close()
    assert wrong == {}


def test_it_is_all_there_to_be_read(admin: Visitor, dirty: Installation) -> None:
    page = admin.go("/ui/e/hello/logs")
    expect(page.locator("#log")).to_contain_text("<img src=x onerror=window.hurt=1>")
    page = admin.go("/ui/e/hello")
    expect(page.locator("main")).to_contain_text("{{ 7 * 7 }}{% raw %}")
    page = admin.go("/ui/tokens")
    expect(page.locator("main")).to_contain_text("<script>window.hurt=1</script>")


def test_an_answer_is_text_whatever_it_says_it_is(admin: Visitor, dirty: Installation, tmp_path: Path) -> None:
    page = admin.go("/ui/e/hello/try")
    card = page.locator("details.card[id='/infer']")
    card.get_by_label("prompt").fill(CORPUS[1])
    card.get_by_role("button", name="Send").click()
    expect(card.locator(".answer")).to_contain_text("onerror=window.hurt=1")
    assert page.evaluate("window.hurt") is None
    kinds = page.evaluate(
        """async () => {
          const proof = document.getElementById("routes").dataset.proof;
          const call = btoa(JSON.stringify({ method: "GET", path: "/docs", headers: {} }));
          const headers = { "x-hotplate-page": proof, "x-hotplate-call": call };
          const answer = await fetch("/ui/e/hello/call", { method: "POST", body: "", headers });
          const names = ["content-type", "content-security-policy", "content-disposition"];
          return names.map((name) => answer.headers.get(name));
        }"""
    )
    assert kinds == ["application/octet-stream", "sandbox; default-src 'none'", "attachment"]
