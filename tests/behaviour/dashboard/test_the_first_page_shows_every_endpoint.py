"""Sign in with a token, see every endpoint with what it does now; sign out, and nothing is shown any more."""

from __future__ import annotations

import re

from dashboard_rig import Visitor, control_url
from installation import Installation
from playwright.sync_api import expect


def test_a_wrong_token_is_refused_and_a_right_one_opens_the_list(guest: Visitor, site: Installation) -> None:
    page = guest.go("/ui/")
    expect(page).to_have_url(re.compile("/ui/sign-in"))
    page.get_by_label("Token").fill("hp_wrong_token")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("The token is wrong")
    guest.picture("sign-in")
    page.get_by_label("Token").fill(site.admin)
    page.get_by_role("button", name="Sign in").click()
    row = page.get_by_role("row", name=re.compile("hello"))
    expect(row).to_contain_text("running")
    expect(row).to_contain_text(re.compile(r"\d \[1–\d\]"))
    guest.picture("endpoints")


def test_the_list_counts_calls_while_it_is_open(admin: Visitor, site: Installation) -> None:
    page = admin.go("/ui/")
    tile = page.locator("#live_totals .tile", has_text="Requests")
    expect(tile).to_be_visible()
    for n in range(30):
        site.call("/hello/infer", {"prompt": str(n)}, site.admin)
    expect(tile.locator("dd")).not_to_have_text(re.compile(r"^0 "))
    expect(page.get_by_role("row", name=re.compile("hello")).locator("td").nth(4)).to_contain_text(re.compile("ms|s"))


def test_the_cookie_is_for_this_dashboard_alone_and_ends_with_the_session(guest: Visitor, site: Installation) -> None:
    guest.sign_in(site.admin)
    (cookie,) = guest.context.cookies()
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict" and cookie["path"] == "/ui"
    assert site.admin not in cookie["value"]
    guest.page.get_by_role("button", name="Sign out").click()
    expect(guest.page).to_have_url(re.compile("/ui/sign-in"))
    kept = {"name": cookie["name"], "value": cookie["value"], "url": control_url(site) + "/ui/"}
    guest.context.add_cookies([kept])
    guest.go("/ui/")
    expect(guest.page).to_have_url(re.compile("/ui/sign-in"))
