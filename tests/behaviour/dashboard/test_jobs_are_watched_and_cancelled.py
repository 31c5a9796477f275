"""Jobs: submitted from a form, watched to their end with progress, their result seen; cancelled; run again."""

from __future__ import annotations

from dashboard_rig import Visitor
from installation import Installation
from playwright.sync_api import Page, expect


def submit(page: Page, path: str, **fields: str) -> None:
    card = page.locator(f"details.card[id='{path}']")
    if card.get_attribute("open") is None:
        card.locator("summary").first.click()
    for name, value in fields.items():
        card.get_by_label(name).fill(value)
    card.get_by_label("Run as a job").check()
    card.get_by_role("button", name="Send").click()
    card.get_by_role("link", name="Open the job").click()


def test_a_job_is_submitted_and_watched_to_its_end(admin: Visitor, site: Installation) -> None:
    page = admin.go("/ui/e/hello/try")
    submit(page, "/slow", steps="4")
    expect(page.locator("#live_job progress")).to_be_visible()
    admin.picture("job-running")
    expect(page.locator("#live_job")).to_contain_text("completed")
    expect(page.locator("#live_job progress")).to_have_count(0)  # the last word of it would be less than all
    expect(page.locator("#result")).to_contain_text("4 steps")
    admin.picture("job")
    page = admin.go("/ui/e/hello/jobs")
    expect(page.get_by_role("region", name="Jobs").locator("tbody tr").first).to_contain_text("POST /slow")
    admin.picture("jobs")


def test_a_job_is_cancelled(admin: Visitor, site: Installation) -> None:
    page = admin.go("/ui/e/hello/try")
    submit(page, "/slow", steps="20")  # no more: a plain function goes on in its slot, and calls wait for it
    page.get_by_role("button", name="Cancel job").click()
    expect(page.locator("#live_job")).to_contain_text("cancelled")
    page = admin.go("/ui/e/hello/jobs?state=cancelled")
    expect(page.get_by_role("region", name="Jobs").locator("tbody tr")).to_have_count(1)


def test_what_failed_is_text_and_can_run_again(admin: Visitor, site: Installation) -> None:
    page = admin.go("/ui/e/hello/try")
    submit(page, "/never", why="<img src=x onerror=window.hurt=1>")
    expect(page.locator("#live_job .wrong")).to_contain_text("call_failed")
    expect(page.locator("#live_job .pill")).to_have_text("dead")
    expect(page.locator("#live_job pre")).to_contain_text("<img src=x onerror=window.hurt=1>")
    assert page.evaluate("window.hurt") is None
    page.get_by_role("button", name="Run again").click()
    expect(page.get_by_role("status").first).to_contain_text("The job runs again")
