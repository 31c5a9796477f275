"""What webhooks were told is listed by state; a message that did not come through is sent once more, and comes."""

from __future__ import annotations

from control_rig import wait_for
from dashboard_rig import Visitor
from installation import Installation
from playwright.sync_api import expect

from tests.behaviour.jobs.test_webhooks_tell_how_jobs_ended import receiving


def test_a_message_that_was_refused_is_seen_and_sent_again(admin: Visitor, site: Installation) -> None:
    with receiving() as receiver:
        receiver.answers += [410]  # gone: a receiver that says so is not asked again
        headers = {"Prefer": "respond-async", "Hotplate-Webhook": receiver.url, "Authorization": f"Bearer {site.admin}"}
        status, job = site.send("/hello/infer", {"prompt": "told"}, headers)
        assert status == 202
        wait_for(lambda: receiver.of(job["id"]), "the first message")
        page = admin.go("/ui/e/hello/webhooks")
        table = page.get_by_role("region", name="Webhooks")
        for _ in range(50):
            if "failed" in table.locator("tbody tr").first.inner_text():
                break
            page.wait_for_timeout(100)
            page.reload()
        row = table.locator("tbody tr").first
        expect(row).to_contain_text("completed")
        expect(row).to_contain_text("410")
        expect(row).not_to_contain_text("private")  # a receiver's query may be a secret
        admin.picture("webhooks")
        row.get_by_role("button", name="Send again").click()
        expect(page.get_by_role("status")).to_contain_text("sent again")
        wait_for(lambda: len(receiver.of(job["id"])) == 2, "the second message")
        first, second = (headers["webhook-id"] for headers, body in receiver.got if job["id"].encode() in body)
        assert first == second
        admin.go(f"/ui/e/hello/jobs/{job['id']}")
        expect(page.get_by_role("region", name="Webhooks")).to_contain_text("delivered")
        page.get_by_role("button", name="Send again").click()
        wait_for(lambda: len(receiver.of(job["id"])) == 3, "the third message")
    page = admin.go("/ui/e/hello/webhooks?state=failed")
    expect(page.get_by_role("heading", name="No messages that are failed")).to_be_visible()


def test_messages_are_for_those_who_manage_the_endpoint(guest: Visitor, site: Installation) -> None:
    made = site.run("token", "create", "--name", "caller", "--scope", "invoke", "-o", "json").json()["token"]
    guest.sign_in(made)
    page = guest.go("/ui/e/hello/jobs")
    expect(page.get_by_role("link", name="Webhooks")).to_have_count(0)
    page = guest.go("/ui/e/hello/webhooks")
    expect(page.get_by_role("heading", name="Not with this token")).to_be_visible()
