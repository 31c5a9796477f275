"""axe-core finds nothing serious on any page, in light and dark, on a phone; the keyboard alone is enough."""

from __future__ import annotations

from importlib.resources import files

import pytest
from control_rig import wait_for
from dashboard_rig import Visitor, control_url, visitor
from installation import Installation
from playwright.sync_api import Browser, expect

from tests.behaviour.jobs.test_webhooks_tell_how_jobs_ended import receiving

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
PAGES = (
    "/ui/",
    "/ui/e/hello",
    "/ui/e/hello/try",
    "/ui/e/hello/logs",
    "/ui/e/hello/revisions",
    "/ui/e/hello/scaling",
    "/ui/e/hello/events",
    "/ui/e/hello/settings",
    "/ui/e/hello/jobs",
    "/ui/e/hello/trainings",
    "/ui/e/hello/webhooks",
    "/ui/jobs",
    "/ui/jobs?kind=deepaas&state=dead",
    "/ui/new",
    "/ui/tokens",
    "/ui/secrets",
    "/ui/volumes",
    "/ui/registries",
    "/ui/machine",
    "/ui/audit",
    "/ui/nothing-here",
)
RULES = "{ resultTypes: ['violations'] }"
OUT_OF_SIGHT = """[...document.querySelectorAll("nav [aria-current=page]")].map((link) => link.getBoundingClientRect())
  .filter((box) => box.left < 0 || box.right > innerWidth).length"""
"""Links to where one is that are not seen: on a phone, rows of links are wider than the window."""


def serious(guest: Visitor) -> list[str]:
    guest.page.evaluate(AXE)
    found = guest.page.evaluate(f"axe.run(document, {RULES})")["violations"]
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


@pytest.mark.timeout(600)  # twenty pages, looked through twice by axe
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_nothing_serious_is_found(browser: Browser, site: Installation, scheme: str, width: int) -> None:
    site.run("secret", "create", "--key", "AXE_KEY", given="some value", code=None)
    login = ("--name", "AXE", "--registry", "ghcr.io", "--username", "ann")
    site.run("regcred", "create", *login, given="token of it", code=None)
    with receiving() as receiver:
        call = {"Prefer": "respond-async", "Hotplate-Webhook": receiver.url, "Authorization": f"Bearer {site.admin}"}
        job = site.send("/hello/infer", {}, call)[1]["id"]
        wait_for(lambda: receiver.of(job), "a message")
    with visitor(browser, control_url(site), color_scheme=scheme, reduced_motion="reduce") as guest:
        guest.page.set_viewport_size({"width": width, "height": 860})
        guest.go("/ui/sign-in")
        assert serious(guest) == []
        guest.sign_in(site.admin)
        wrong: dict[str, list[str]] = {}
        for path in PAGES:
            guest.go(path)
            if path.endswith("/try"):
                expect(guest.page.locator("details.card").first).to_be_visible()
            if found := serious(guest):
                wrong[path] = found
            wide = guest.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{path} is {wide} pixels too wide for {width}"
            assert guest.page.evaluate(OUT_OF_SIGHT) == 0, path
            if width < 600:
                guest.picture("phone-" + (path.strip("/").replace("/", "-")))
        assert wrong == {}


def test_a_keyboard_is_enough_to_find_and_try_an_endpoint(guest: Visitor, site: Installation) -> None:
    guest.go("/ui/sign-in")
    page = guest.page
    expect(page.get_by_role("textbox", name="Token")).to_be_focused()
    page.keyboard.type(site.admin)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Endpoints")).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('href')") == "/ui/e/hello/try":
            break
    page.keyboard.press("Enter")
    prompt = page.locator("details.card[id='/infer']").get_by_label("prompt")
    prompt.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("typed")
    page.keyboard.press("Control+Enter")
    expect(page.locator("details.card[id='/infer'] .answer")).to_contain_text("typed")
