"""Try it: text, a picture with its boxes, a stream, an error, the same call as code; with the session's own rights."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from dashboard_rig import Visitor
from installation import Installation
from PIL import Image
from playwright.sync_api import Locator, Page, expect


def card(page: Page, path: str) -> Locator:
    found = page.locator(f"details.card[id='{path}']")
    if found.get_attribute("open") is None:
        found.locator("summary").first.click()
    return found


def test_a_text_is_sent_and_answered_with_status_headers_and_time(admin: Visitor) -> None:
    page = admin.go("/ui/e/hello/try")
    infer = card(page, "/infer")
    infer.get_by_label("prompt").fill("Hello from a form <b>")
    infer.get_by_label("times").fill("2")
    infer.get_by_role("button", name="Send").click()
    answer = infer.locator(".answer")
    expect(answer.locator(".status")).to_contain_text("200 OK")
    expect(answer).to_contain_text("Hello from a form <b> Hello from a form <b>")
    answer.get_by_text("Headers").click()
    expect(answer).to_contain_text("x-request-id")
    admin.picture("try")


def test_an_object_and_a_list_are_filled_in_by_parts(admin: Visitor, site: Installation) -> None:
    page = admin.go("/ui/e/hello/try")
    infer = card(page, "/infer")
    infer.get_by_label("give options").check()
    infer.get_by_label("loud").check()
    infer.get_by_label("tone").select_option("plain")
    infer.get_by_label("give words").check()
    for word in ("one", "two"):
        infer.get_by_role("button", name="Add an item").click()
        infer.locator(".item textarea").last.fill(word)
    infer.get_by_label("Remove words[0]").click()
    code = infer.get_by_role("tabpanel")
    for part in ('"loud": true', '"tone": "plain"', '"two"'):
        expect(code).to_contain_text(part)
    admin.picture("try-nested")
    infer.get_by_role("button", name="Send").click()
    expect(infer.locator(".answer")).to_contain_text("Hello plate!!")


def test_a_picture_is_chosen_and_the_boxes_are_seen(admin: Visitor, tmp_path: Path) -> None:
    picture = tmp_path / "plate.png"
    Image.new("RGB", (64, 48), "white").save(picture)
    page = admin.go("/ui/e/hello/try")
    boxes = card(page, "/boxes")
    boxes.locator("input[type=file]").set_input_files(picture)
    expect(boxes.get_by_alt_text("plate.png, as a picture")).to_be_visible()
    boxes.get_by_role("button", name="Send").click()
    drawn = boxes.locator(".answer img")
    expect(drawn).to_be_visible()
    size = "[...document.querySelectorAll('.answer img')].map((img) => [img.naturalWidth, img.naturalHeight]).flat()"
    admin.until(f"{size}.join() === '64,48'")
    admin.picture("try-picture")


def test_a_stream_is_shown_piece_by_piece(admin: Visitor) -> None:
    page = admin.go("/ui/e/hello/try")
    story = card(page, "/story")
    story.get_by_label("pieces").fill("3")
    story.get_by_role("button", name="Send").click()
    expect(story.locator(".answer .joined")).to_have_text("piece 0. piece 1. piece 2. ")
    expect(story.locator(".answer .status")).to_contain_text("ended after")
    admin.picture("try-stream")


def test_what_the_author_raises_is_text_and_a_wrong_value_is_said_at_its_field(admin: Visitor) -> None:
    page = admin.go("/ui/e/hello/try")
    fail = card(page, "/fail")
    fail.get_by_role("button", name="Send").click()
    expect(fail.locator(".answer .status")).to_contain_text("500")
    expect(fail.locator(".answer-body b")).to_have_count(0)
    infer = card(page, "/infer")
    infer.get_by_label("times").fill("1.5")
    infer.get_by_role("button", name="Send").click()
    expect(infer.locator(".answer .status")).to_contain_text("422")
    expect(infer.get_by_label("times")).to_have_attribute("aria-invalid", "true")


@pytest.mark.parametrize("language", ["curl", "Python", "JavaScript"])
def test_the_same_call_as_code_gives_the_same_answer(admin: Visitor, site: Installation, language: str) -> None:
    page = admin.go("/ui/e/hello/try")
    infer = card(page, "/infer")
    infer.get_by_label("prompt").fill("it's $HOME `code`")
    infer.get_by_role("tab", name=language).click()
    code = infer.get_by_role("tabpanel").inner_text()
    commands = {"curl": ["bash", "-c", code], "Python": ["python", "-c", code], "JavaScript": ["node", "-e", code]}
    if language == "JavaScript":
        commands[language] = ["node", "--input-type=module", "-e", code]
    environment = {**site.environ, "HOTPLATE_TOKEN": site.admin}
    done = subprocess.run(commands[language], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert "it's $HOME `code`" in done.stdout, (code, done.stdout, done.stderr)


def test_a_token_that_may_only_look_sees_the_calls_and_cannot_send(guest: Visitor, site: Installation) -> None:
    made = site.run("token", "create", "--name", "looker", "--scope", "read", "-o", "json").json()["token"]
    guest.sign_in(made)
    page = guest.go("/ui/e/hello/try")
    infer = card(page, "/infer")
    expect(infer.get_by_role("button", name="Send")).to_be_disabled()
    expect(infer.get_by_role("tabpanel")).to_contain_text("/hello/infer")
    expect(page.get_by_text("lacks the scope")).to_be_visible()
