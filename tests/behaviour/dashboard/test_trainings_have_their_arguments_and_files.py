"""A DEEPaaS model is trained; its arguments stand with the training, and what it left is downloaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from dashboard_rig import Visitor
from installation import Installation
from playwright.sync_api import expect
from serving import write_project

from tests.behaviour.jobs.test_what_a_training_leaves_is_kept import MODEL

ODD = "<img src=x onerror=window.hurt=1>"


@pytest.fixture(scope="module")
def training(site: Installation, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The id of a training, whose name is as bad as can be."""
    folder = write_project(tmp_path_factory.mktemp("trainer"), MODEL)
    site.run("deploy", str(folder), "--name", "trainer")
    headers = {"Authorization": f"Bearer {site.admin}"}
    query = "epochs=3&name=%3Cimg%20src=x%20onerror=window.hurt=1%3E"
    status, made = site.send(f"/trainer/v2/models/trainer/train/?{query}", None, headers)
    assert status == 200, made
    return str(made["uuid"])


def test_a_training_is_found_with_its_arguments_and_its_files_are_downloaded(
    admin: Visitor, site: Installation, training: str
) -> None:
    page = admin.go("/ui/e/trainer/trainings")
    row = page.get_by_role("region", name="Trainings").locator("tbody tr").first
    expect(row).to_contain_text("epochs 3")
    expect(row).to_contain_text("<img src=x")
    admin.picture("trainings")
    row.get_by_role("link").click()
    expect(page.locator("#live_job")).to_contain_text("completed")
    expect(page.locator("#live_job dl").last).to_contain_text(ODD)
    files = page.get_by_role("region", name="Files")
    expect(files.locator("tbody tr")).to_have_count(2)
    expect(files).to_contain_text("weights/big.bin")
    expect(files).to_contain_text("25.2 MB")
    assert page.evaluate("window.hurt") is None
    admin.picture("training")
    with page.expect_download() as coming:
        files.get_by_role("link", name="metrics.json").click()
    assert coming.value.suggested_filename == "metrics.json"
    assert Path(coming.value.path()).read_text() == "{}"
    with page.expect_download() as coming:
        files.get_by_role("link", name="weights/big.bin").click()
    assert Path(coming.value.path()).stat().st_size == 24 << 20


@pytest.mark.parametrize("path", ["link", "away/hostname", "../jobs.db", "weights/../../x", "", "none.txt"])
def test_nothing_but_a_training_s_own_files_is_given(admin: Visitor, training: str, path: str) -> None:
    place = f"{admin.url}/ui/e/trainer/jobs/{training}/artifacts"
    answer = admin.context.request.get(place, params={"path": path})
    assert answer.status == 404
