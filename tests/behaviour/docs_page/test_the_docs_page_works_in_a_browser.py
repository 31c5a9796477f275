"""The page in a real browser, under a prefix and its own policy. Skipped where there is no Chromium."""

from __future__ import annotations

import base64
from urllib.parse import urlsplit

import pytest
from docs_page_steps import answered, card, code, fill, parts, send, show
from sample_openapi import HOSTILE


def test_it_shows_the_title_the_state_and_every_route(page):
    page.wait("document.querySelector('.state').textContent === 'running'")
    assert page.js("document.title") == "Plate detector"
    listed = page.js("[...document.querySelectorAll('.card')].map((one) => one.id)")
    assert listed == ["/infer", "/detect", "/form", "/stream", "/tree", "/hostile", "/healthcheck:get"]


def test_a_form_sends_typed_values_and_leaves_out_what_is_empty(page, endpoint):
    fill(page, "/infer", "prompt", 'Say "hé"')
    fill(page, "/infer", "steps", "30")
    page.js(f"""{{ const select = {card("/infer")}.querySelectorAll('select')[0];
        select.value = '2'; select.dispatchEvent(new Event('change', {{ bubbles: true }})); }}""")
    send(page, "/infer")
    assert '"ok"' in answered(page, "/infer")
    assert endpoint.calls[-1].json == {
        "prompt": 'Say "hé"',
        "steps": 30,
        "guidance": 7.5,
        "style": "oil painting",
        "tiled": False,
        "box": {"x": 0, "y": 0},
        "tags": ["a", "b"],
    }


def test_what_is_not_json_is_said_at_its_field_and_not_sent(page, endpoint):
    fill(page, "/infer", "box", "{x: 1}")
    send(page, "/infer")
    page.wait("document.querySelector('[aria-invalid=true]') !== null")
    assert page.js("document.activeElement.value") == "{x: 1}"
    assert "Not JSON" in page.js("document.querySelector('.field-json .wrong').textContent")
    assert endpoint.calls == []


def test_a_422_is_shown_at_the_field_that_it_is_about(page):
    page.js("document.querySelector('.field-string textarea').value = ''")
    send(page, "/infer")
    answered(page, "/infer", mood="bad")
    page.wait("document.querySelector('.field-string .wrong').textContent.includes('at least 1 character')")


def test_a_chosen_picture_goes_as_base64_and_the_answers_picture_is_shown(page, endpoint, picture):
    show(page, "/detect")
    page.choose_files("[id='/detect'] input[type=file]", picture)
    send(page, "/detect")
    text = answered(page, "/detect")
    assert endpoint.calls[-1].json["image"] == {"data": base64.b64encode(picture.read_bytes()).decode()}
    page.wait(f"{card('/detect')}.querySelector('.answer img')?.naturalWidth === 96")
    assert "output.image_with_boxes" in text
    assert "characters)" in text  # the base64 text itself is cut


def test_media_can_be_a_url(page, endpoint):
    show(page, "/detect")
    page.js(f"{card('/detect')}.querySelector('input[type=url]').focus()")
    page.type("https://example.com/a.jpg")
    send(page, "/detect")
    answered(page, "/detect")
    assert endpoint.calls[-1].json["image"] == {"data": {"url": "https://example.com/a.jpg"}}
    assert all(urlsplit(url).hostname in ("127.0.0.1", None, "") for url in page.requested)


def test_a_picture_can_go_as_a_raw_body_and_come_back_as_one(page, endpoint, picture):
    show(page, "/detect")
    page.js(f"""{{ const [way, answer] = {card("/detect")}.querySelectorAll('.picker-row select');
        for (const [select, value] of [[way, '2'], [answer, '1']]) {{
          select.value = value; select.dispatchEvent(new Event('change', {{ bubbles: true }})); }} }}""")
    page.choose_files("[id='/detect'] input[type=file]", picture)
    send(page, "/detect")
    answered(page, "/detect")
    call = endpoint.calls[-1]
    assert call.path == "/detect?threshold=0.5"
    assert call.headers["content-type"] == "image/png"
    assert call.headers["accept"] == "image/*"
    assert call.body == picture.read_bytes()
    page.wait(f"{card('/detect')}.querySelector('.answer img')?.naturalWidth === 96")


def test_a_form_route_sends_parts(page, endpoint, picture):
    show(page, "/form")
    page.choose_files("[id='/form'] input[type=file]", picture)
    fill(page, "/form", "metadata", "Some info")
    send(page, "/form")
    answered(page, "/form")
    assert parts(endpoint.calls[-1]) == {
        "file": (picture.name, picture.read_bytes()),
        "metadata": (None, b"Some info"),
    }


def test_a_stream_is_shown_while_it_comes(page, endpoint):
    show(page, "/stream")
    send(page, "/stream")
    page.wait(f"{card('/stream')}.querySelector('.joined')?.textContent === 'Hot plate'")
    assert "streaming" in page.js(f"{card('/stream')}.querySelector('.status').textContent")
    endpoint.go_on.set()
    assert "Hot plates" in answered(page, "/stream")


def test_escape_cancels_a_running_call(page, endpoint):
    show(page, "/stream")
    fill(page, "/stream", "prompt", "x")
    page.press("Enter", ctrl=True)
    page.wait(f"{card('/stream')}.querySelector('.joined')?.textContent === 'Hot plate'")
    page.press("Escape")
    page.wait(f"{card('/stream')}.querySelector('.status').textContent === 'Cancelled.'")


def test_it_works_with_the_keyboard_alone(page, endpoint):
    page.press("Tab")
    assert page.js("document.activeElement.className") == "skip"
    page.press("Enter")
    for _ in range(4):
        page.press("Tab")
        if page.js("document.activeElement.tagName") == "SUMMARY":
            break
    assert "/infer" in page.js("document.activeElement.textContent")
    page.press("Tab")
    page.type("by keyboard")
    page.press("Enter", ctrl=True)
    answered(page, "/infer")
    assert "by keyboard" in endpoint.calls[-1].json["prompt"]
    page.js("document.querySelector('[role=tab]').focus()")
    page.press("ArrowRight")
    assert page.js("document.activeElement.textContent") == "Python"


def test_hostile_texts_stay_texts(page):
    show(page, "/hostile")
    fill(page, "/hostile", HOSTILE, HOSTILE)
    send(page, "/hostile")
    text = answered(page, "/hostile")
    assert "<img src=x onerror=alert(1)>" in text
    assert page.js("document.querySelectorAll('img, b, script:not([src])').length") == 0
    assert page.js("document.title") == "Plate detector"
    assert page.problems == []


def test_a_schema_that_refers_to_itself_is_shown(page):
    show(page, "/tree")
    page.js(f"{card('/tree')}.querySelector('.schemas').open = true")
    assert "Tree[]" in page.js(f"{card('/tree')}.querySelector('.schemas').innerText")


def test_the_token_is_sent_and_never_written_into_the_code(page, endpoint):
    page.js("document.querySelector('.token input').focus()")
    page.type("hp_secret")
    send(page, "/infer")
    answered(page, "/infer")
    assert endpoint.calls[-1].headers["authorization"] == "Bearer hp_secret"
    for language in ("curl", "Python"):
        shown = code(page, "/infer", language)
        assert "HOTPLATE_TOKEN" in shown
        assert "hp_secret" not in shown
    assert page.js("localStorage.length + sessionStorage.length") == 0


AUDIT = """(() => {
  const number = (text) => text.match(/[\\d.]+/g).map(Number);
  const linear = (v) => (v <= 10 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => [r, g, b].map(linear).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => { for (let at = node; at; at = at.parentElement) {
    const colour = number(getComputedStyle(at).backgroundColor);
    if (colour.length < 4 || colour[3] > 0) return colour; } return [255, 255, 255]; };
  const weak = [];
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || node.closest('noscript') || node.disabled || !node.getClientRects().length) continue;
    const [a, b] = [light(number(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) weak.push(`${node.tagName}.${node.className}: ${node.textContent.slice(0, 30)}`);
  }
  const nameless = [...document.querySelectorAll('input, select, textarea, button')].filter((node) =>
    !(node.labels?.length || node.getAttribute('aria-label') || node.textContent.trim())).map((node) => node.outerHTML);
  return { weak, nameless, wide: document.documentElement.scrollWidth - innerWidth };
})()"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_is_readable_named_and_fits_the_screen(page, picture, dark, width):
    page.look(dark=dark, width=width)
    for path in ("/infer", "/detect", "/stream"):
        show(page, path)
    page.choose_files("[id='/detect'] input[type=file]", picture)
    send(page, "/detect")
    answered(page, "/detect")
    page.js("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.wait("document.querySelectorAll('form').length === 7")
    found = page.js(AUDIT)
    assert found["weak"] == []
    assert found["nameless"] == []
    assert found["wide"] <= 0
    assert page.problems == []
