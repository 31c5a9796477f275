"""Without an endpoint each token is told what it can do. The first endpoint appears by itself; so does its failure."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from control_rig import Control, ServerSocket, make_revision, running_control, server_socket, short_home
from dashboard_calls import Guest
from dashboard_rig import visitor
from playwright.sync_api import Browser, expect

TRACE = "ValueError: <b>no weights</b>"


@pytest.fixture(scope="module")
def rig() -> Iterator[tuple[Control, ServerSocket]]:
    with short_home() as home, server_socket(home) as server, running_control(home) as made:
        yield made, server


@pytest.mark.parametrize(
    ("scopes", "endpoints", "told"),
    [
        (["deploy", "read"], [], "Create an endpoint"),
        (["read"], [], "Your token may look; to deploy"),
        (["invoke"], [], "Your token may call; to deploy"),
        (["invoke"], ["mine"], "Your token is for mine alone"),
    ],
)
def test_it_is_told_what_its_token_can_do(
    rig: tuple[Control, ServerSocket], scopes: list[str], endpoints: list[str], told: str
) -> None:
    control, _ = rig
    page = Guest(control).sign_in(control.token(*scopes, endpoints=endpoints)).get("/ui/").body.decode()
    assert told in re.sub(r"\s+", " ", page)
    assert ("/ui/new" in page) == ("deploy" in scopes)


def test_the_first_endpoint_and_the_failure_of_its_deploy_appear_by_themselves(
    browser: Browser, rig: tuple[Control, ServerSocket]
) -> None:
    control, server = rig
    with visitor(browser, control.url) as guest:
        page = guest.sign_in(control.admin)
        nothing = page.get_by_role("heading", name="Nothing is served yet")
        expect(nothing).to_be_visible()
        expect(page.get_by_role("table")).to_be_hidden()
        guest.picture("nothing-yet")
        server.rollouts["first"] = ("rolling", "")
        control.good("POST", "/endpoints/first/deploy", {"revision": make_revision(control.home, "a" * 64)})
        row = page.get_by_role("row", name=re.compile("first"))
        expect(row).to_be_visible()
        expect(nothing).to_be_hidden()
        row.get_by_role("link", name="first").click()
        expect(page.get_by_role("alert")).to_have_count(0)
        server.rollouts["first"] = ("failed", TRACE)
        expect(page.get_by_role("alert")).to_contain_text("The last deploy failed. No deploy of it has served yet.")
        expect(page.locator("#live_failed pre")).to_have_text(TRACE)
        guest.picture("deploy-failed")
