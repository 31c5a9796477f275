"""The jobs of all endpoints in one list: filtered by endpoint, kind and state; for a token, those that it is for."""

from __future__ import annotations

from pathlib import Path

import pytest
from dashboard_rig import Visitor
from installation import Installation
from playwright.sync_api import expect
from serving import write_project

SECOND = "def infer(n: int = 1) -> int:\n    return n\n"


@pytest.fixture(scope="module")
def jobs(site: Installation, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One job of each of two endpoints, and one that dies."""
    folder: Path = write_project(tmp_path_factory.mktemp("second"), {"model.py": SECOND})
    site.run("deploy", f"{folder}/model.py:infer", "--name", "second")
    later = {"Prefer": "respond-async", "Authorization": f"Bearer {site.admin}"}
    made = {}
    for name, path in (("hello", "/hello/infer"), ("second", "/second/infer"), ("dead", "/hello/fail")):
        status, job = site.send(path, {}, later)
        assert status == 202, job
        made[name] = job["id"][:12]
    return made


def test_it_has_those_of_every_endpoint_and_is_filtered(admin: Visitor, jobs: dict[str, str]) -> None:
    page = admin.go("/ui/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Jobs").click()
    table = page.get_by_role("region", name="Jobs")
    for each in jobs.values():
        expect(table).to_contain_text(each)
    expect(table.locator("tr", has_text=jobs["hello"])).to_contain_text("completed")  # by itself
    admin.picture("all-jobs")
    page.get_by_label("Endpoint").select_option("second")
    page.get_by_role("button", name="Filter").click()
    expect(table).to_contain_text(jobs["second"])
    expect(table).not_to_contain_text(jobs["hello"])
    page.get_by_role("navigation", name="State").get_by_role("link", name="dead").click()
    expect(table).to_contain_text("There are none that are dead")
    page = admin.go("/ui/jobs?state=dead&kind=http")
    for _ in range(60):
        if jobs["dead"] in table.inner_text():
            break
        page.wait_for_timeout(250)
        page.reload()
    expect(table).to_contain_text(jobs["dead"])
    table.get_by_role("link", name=jobs["dead"]).click()
    expect(page.locator("#live_job")).to_contain_text("RuntimeError")


def test_a_token_for_one_endpoint_sees_its_jobs_alone(guest: Visitor, site: Installation, jobs: dict[str, str]) -> None:
    words = ("token", "create", "--name", "half", "--scope", "read", "--endpoint", "second", "-o", "json")
    guest.sign_in(site.run(*words).json()["token"])
    page = guest.go("/ui/jobs")
    table = page.get_by_role("region", name="Jobs")
    expect(table).to_contain_text(jobs["second"])
    expect(table).not_to_contain_text(jobs["hello"])
    expect(page.get_by_label("Endpoint").locator("option")).to_have_text(["all", "second"])
    page = guest.go("/ui/jobs?endpoint=hello")
    expect(page.get_by_role("heading", name="Not with this token")).to_be_visible()


def test_pages_of_it_fit_together(admin: Visitor, site: Installation, jobs: dict[str, str]) -> None:
    later = {"Prefer": "respond-async", "Authorization": f"Bearer {site.admin}"}
    wanted = [site.send("/second/infer", {"n": n}, later)[1]["id"][:12] for n in range(60)]
    seen: list[str] = []
    page = admin.go("/ui/jobs?endpoint=second")
    while True:
        seen += page.get_by_role("region", name="Jobs").locator("tbody th").all_inner_texts()
        older = page.get_by_role("link", name="Older jobs")
        if not older.count():
            break
        older.click()
    assert seen == [*reversed(wanted), jobs["second"]]
