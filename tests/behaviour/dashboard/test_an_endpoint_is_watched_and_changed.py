"""An endpoint's own pages: charts that move, why it scaled, settings that the command line sees, the way back."""

from __future__ import annotations

import re

from dashboard_rig import Visitor
from installation import Installation
from playwright.sync_api import expect
from support.targets_rig import wait_for


def test_charts_and_numbers_move_while_calls_run(admin: Visitor, site: Installation) -> None:
    page = admin.go("/ui/e/hello")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for n in range(20):
        site.call("/hello/infer", {"prompt": str(n)}, site.admin)
    drawn = "JSON.parse(document.querySelector('figure.chart').dataset.chart).series[0].values"
    admin.until(f"Math.max(...{drawn}) > 0")
    expect(page.locator("figure.chart svg[role=img]")).to_have_count(6)
    replicas = page.get_by_role("region", name="Replicas")
    expect(replicas).to_contain_text("hello-")
    expect(replicas).to_contain_text("MB")
    decision = page.locator(".decisions details").first
    decision.locator("summary").click()
    expect(decision).to_contain_text("→")
    admin.picture("overview")
    # An open page asks for its events and for nothing else; the icon comes late.
    assert {url for url in asked if not url.endswith("icon.svg")} <= {page.url}


def test_a_button_that_was_pressed_twice_says_copy_again(admin: Visitor) -> None:
    button = admin.go("/ui/e/hello").locator(".url").get_by_role("button")
    button.click()
    expect(button).not_to_have_text("Copy")
    button.click()
    expect(button).to_have_text("Copy")


def test_a_changed_setting_is_what_the_command_line_says(admin: Visitor, site: Installation) -> None:
    page = admin.go("/ui/e/hello/settings")
    page.get_by_label("At most").fill("7")
    page.get_by_label("Environment variables").fill("MODE=fast\nTONE=a = b")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved. Replicas with these settings are being started.")
    admin.picture("settings")
    found = site.run("endpoint", "get", "--name", "hello", "-o", "json").json()
    assert (found["max_replicas"], found["env_overrides"]) == (7, {"MODE": "fast", "TONE": "a = b"})


def test_a_wrong_setting_is_said_at_its_field_and_nothing_that_was_typed_is_lost(admin: Visitor) -> None:
    page = admin.go("/ui/e/hello/settings")
    page.get_by_label("Description").fill("kept")
    page.get_by_label("At least").fill("9")
    page.get_by_label("At most").fill("8")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("min_replicas (9) is above max_replicas (8)")
    expect(page.get_by_label("At least")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Description")).to_have_value("kept")
    page.get_by_label("At least").fill("1")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved.")


def test_settings_that_cannot_be_had_are_told_on_the_page_and_taken_back(admin: Visitor, site: Installation) -> None:
    page = admin.go("/ui/e/hello/settings")
    before = page.get_by_label("Hardware").input_value()
    page.get_by_label("Hardware").fill("gpus=0.5")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#live_failed")).to_contain_text("The last deploy failed. What served before goes on serving")
    expect(page.locator("#live_failed pre")).to_contain_text("Here a replica gets whole GPUs")
    assert site.call("/hello/infer", {}, site.admin)[0] == 200
    page.reload()
    expect(page.get_by_label("Hardware")).to_have_value(before)


def test_going_back_is_one_press(admin: Visitor, site: Installation) -> None:
    page = admin.go("/ui/e/hello/revisions")
    expect(page.locator(".revisions > li").first).to_contain_text("Same contract as #1")
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_role("status")).to_contain_text("Going back to revision 1")
    expect(page.locator(".revisions > li.serving")).to_contain_text("#1")
    expect(page.locator("#live_history tr").first).to_contain_text("stable")
    admin.picture("revisions")
    found = site.run("revisions", "hello", "-o", "json").json()
    assert [(each["number"], each["percent"]) for each in found] == [(2, 0.0), (1, 100.0)]


def test_traffic_is_shared_out(admin: Visitor, site: Installation) -> None:
    page = admin.go("/ui/e/hello/revisions")
    page.get_by_label("#2, percent").fill("30")
    page.get_by_label("#1, percent").fill("60")
    page.get_by_role("button", name="Share out").click()
    expect(page.get_by_role("alert")).to_contain_text("add up to 90")
    page.get_by_label("#1, percent").fill("70")
    page.get_by_role("button", name="Share out").click()
    expect(page.locator("#live_history tr").first).to_contain_text(re.compile("70 %.*30 %.*stable"))
    found = site.run("revisions", "hello", "-o", "json").json()
    assert [each["percent"] for each in found] == [30.0, 70.0]


def test_a_paused_endpoint_says_so_and_starts_again(admin: Visitor, site: Installation) -> None:
    page = admin.go("/ui/e/hello")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#live_status")).to_contain_text("paused")
    wait_for(lambda: site.call("/hello/infer", {}, site.admin)[0] == 503, "a refusal")  # the server is told a bit later
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#live_status")).not_to_contain_text("paused")
    wait_for(lambda: site.call("/hello/infer", {}, site.admin)[0] == 200, "an answer")
