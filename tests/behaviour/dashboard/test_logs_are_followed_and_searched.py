"""Logs: newest on top, as they come; paused, filtered, older ones by scrolling, as a file."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from dashboard_rig import Visitor
from installation import Installation
from playwright.sync_api import expect


def test_lines_come_on_top_while_requests_run(admin: Visitor, site: Installation) -> None:
    asked: list[str] = []
    admin.page.on("request", lambda request: asked.append(request.resource_type))
    page = admin.go("/ui/e/hello/logs")
    expect(page.locator("#log li").first).to_be_visible()
    site.call("/hello/infer", {"prompt": "first to come"}, site.admin)
    expect(page.locator("#log")).to_contain_text("infer first to come")
    site.call("/hello/infer", {"prompt": "second to come"}, site.admin)
    expect(page.locator("#log")).to_contain_text("infer second to come")
    texts = page.locator("#log li .text").all_inner_texts()
    assert texts.index("infer second to come") < texts.index("infer first to come")
    assert asked.count("eventsource") == 1  # of six connections that a browser has to a host
    admin.picture("logs")


def test_a_paused_log_stands_still_and_catches_up(admin: Visitor, site: Installation) -> None:
    page = admin.go("/ui/e/hello/logs")
    page.get_by_role("button", name="Pause log").click()
    site.call("/hello/infer", {"prompt": "while paused"}, site.admin)
    expect(page.locator("#news")).to_contain_text(re.compile(r"Paused\. \d+ new lines"))
    assert "infer while paused" not in page.locator("#log").inner_text()
    page.get_by_role("button", name="Follow log").click()
    expect(page.locator("#log")).to_contain_text("infer while paused")


def test_lines_are_found_by_level_text_and_request(admin: Visitor, site: Installation) -> None:
    site.call("/hello/infer", {"prompt": "needle in here"}, site.admin)
    page = admin.go("/ui/e/hello/logs")
    page.get_by_label("Level").select_option("warning")
    expect(page).to_have_url(re.compile("level=warning"))
    expect(page.locator("#log li").first).to_contain_text("WARNING low on plates")
    page = admin.go("/ui/e/hello/logs?text=NEEDLE")
    expect(page.locator("#log li")).to_have_count(1)
    page.locator("#log .rid").click()
    expect(page.locator("#log li")).to_have_count(2)
    page = admin.go("/ui/e/hello/logs?level=stderr&replica=hello-1")
    assert set(page.locator("#log .from").all_inner_texts()) <= {"hello-1"}


def test_older_lines_come_by_scrolling_and_all_of_them_as_a_file(admin: Visitor, site: Installation) -> None:
    folder = site.root / "logs" / "many"
    site.run("endpoint", "create", "--name", "many", code=None)
    folder.mkdir(exist_ok=True)
    begun = time.time() - 5000
    lines = [
        {"at": begun + n // 3, "replica": 1, "revision": "r", "stream": "stdout", "text": f"line {n}"}
        for n in range(900)
    ]
    (folder / "current.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    admin.page.request.get(f"{admin.url}/ui/e/many")  # a look at whether it is there
    page = admin.go("/ui/e/many/logs")
    expect(page.locator("#log li").first).to_contain_text("line 899")
    for _ in range(40):
        page.mouse.wheel(0, 20_000)
        if "begins" in page.locator("#end").inner_text():
            break
        page.wait_for_timeout(200)
    texts = page.locator("#log li .text").all_inner_texts()
    assert texts == [f"line {n}" for n in reversed(range(900))]
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download").click()
    saved = Path(coming.value.path()).read_text().splitlines()
    assert [line.split(" ", 3)[3] for line in saved] == [f"line {n}" for n in range(900)]
