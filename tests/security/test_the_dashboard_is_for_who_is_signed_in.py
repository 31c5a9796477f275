"""Each page and form of the dashboard: without a session, with too small a token, without its proof, from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from control_rig import Control, running_control, server_socket, short_home
from dashboard_calls import Guest

from hotplate.control.ui.render import HEADERS
from hotplate.control.ui.table import ROUTES
from hotplate.control.ui.view import Route

PAGES = [route for route in ROUTES if route.method == "GET" and route.path != "/e/{name}/logs/stream"]
FORMS = [route for route in ROUTES if route.method == "POST"]
WITH_PROOF = [route for route in FORMS if route.proof == "form"]


@pytest.fixture(scope="module")
def control() -> Iterator[Control]:
    with short_home() as home, server_socket(home), running_control(home) as made:
        for name in ("hello", "other"):
            made.good("POST", "/endpoints", {"name": name})
        made.good("POST", "/volumes", {"name": "weights"})
        login = {"key": "KEY", "registry": "ghcr.io", "username": "ann", "token": "token of it"}
        made.good("POST", "/registry-credentials", login)
        made.good("POST", "/secrets", {"key": "KEY", "value": "value of it"})
        yield made


@pytest.fixture
def admin(control: Control) -> Guest:
    return Guest(control).sign_in(control.admin)


def path(route: Route, name: str = "hello") -> str:
    places = {
        "name": name,
        "job": "none",
        "message": "none",
        "volume": "weights",
        "key": "KEY",
        "id": "0123456789ab",
        "deploy": "none",
    }
    return "/ui" + re.sub(r"\{(\w+)\}", lambda found: places[found.group(1)], route.path)


def shown(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.mark.parametrize("route", ROUTES, ids=shown)
def test_nothing_is_shown_or_done_without_a_session(control: Control, route: Route) -> None:
    for cookie in ("", f"hotplate-{control.port}=guessed"):
        guest = Guest(control, cookie)
        reply = guest.get(path(route)) if route.method == "GET" else guest.post(path(route))
        assert (reply.status, reply.headers["location"].partition("?")[0]) == (303, "/ui/sign-in")
        assert b"hello" not in reply.body
        asked = guest.ask(route.method, path(route), accept="application/json", origin=control.url)
        assert asked.status == 401


@pytest.mark.parametrize("route", [each for each in ROUTES if each.scopes], ids=shown)
def test_a_token_without_the_scope_is_refused_by_url(control: Control, route: Route) -> None:
    for scope in ("invoke", "read", "deploy"):
        guest = Guest(control).sign_in(control.token(scope))
        covers = {scope} | ({"read"} if scope == "deploy" else set())
        if covers & set(route.scopes):
            continue
        reply = guest.get(path(route)) if route.method == "GET" else guest.post(path(route), {"csrf": guest.proof()})
        assert reply.status == 403, scope
        assert b"scope" in reply.body


@pytest.mark.parametrize("route", ROUTES, ids=shown)
def test_a_token_for_one_endpoint_reaches_no_other_and_nothing_of_the_whole(control: Control, route: Route) -> None:
    if "{name}" not in route.path and not route.whole:
        return
    guest = Guest(control).sign_in(control.token("admin", endpoints=["hello"]))
    place = path(route, "other")
    reply = guest.get(place) if route.method == "GET" else guest.post(place, {"csrf": guest.proof()})
    assert reply.status == 403
    assert b"hello alone" in reply.body


def test_such_a_token_sees_its_own_endpoint_in_the_list_alone(control: Control) -> None:
    page = Guest(control).sign_in(control.token("read", endpoints=["hello"])).get("/ui/").body
    assert b"/ui/e/hello" in page
    assert b"other" not in page
    for link in (b"/ui/tokens", b"/ui/secrets", b"/ui/audit", b"/ui/machine"):
        assert link not in page


def test_a_token_that_may_only_call_sees_names_and_no_action(control: Control) -> None:
    page = Guest(control).sign_in(control.token("invoke")).get("/ui/").body.decode()
    assert set(re.findall(r'href="(/ui/[^"]*)"', page)) - {"/ui/static/icon.svg", "/ui/static/ui.css"} == {
        "/ui/",
        "/ui/e/hello/try",
        "/ui/e/other/try",
        "/ui/jobs",
        "/ui/static/parts.css",
    }
    assert re.findall(r'action="([^"]*)"', page) == ["/ui/sign-out"]


@pytest.mark.parametrize("route", [*WITH_PROOF, None], ids=lambda route: shown(route) if route else "POST /sign-out")
def test_a_form_needs_its_own_fresh_proof(control: Control, admin: Guest, route: Route | None) -> None:
    place = path(route) if route else "/ui/sign-out"
    foreign = Guest(control).sign_in(control.admin).proof()
    used = admin.proof()
    admin.post("/ui/volumes", {"csrf": used, "volume": "UPPER"})  # refused for its name; the proof is spent
    for proof in ({}, {"csrf": ""}, {"csrf": foreign}, {"csrf": used}, {"csrf": admin.proof() + "0"}):
        reply = admin.post(place, proof)
        assert reply.status == 403, proof
        assert b"form was" in reply.body
    assert control.good("GET", "/volumes")[0]["name"] == "weights"


@pytest.mark.parametrize("route", [*FORMS, None], ids=lambda route: shown(route) if route else "POST /sign-in")
def test_no_other_origin_may_send_a_form(control: Control, admin: Guest, route: Route | None) -> None:
    place = path(route) if route else "/ui/sign-in"
    foreign = (
        "null",
        "http://evil.example",
        f"http://127.0.0.1:{control.port + 1}",
        f"https://127.0.0.1:{control.port}",
    )
    for origin in foreign:
        reply = admin.post(place, {"csrf": admin.proof(), "token": control.admin}, origin=origin)
        assert reply.status == 403, origin
    without = admin.ask("POST", place, b"", content_type="application/x-www-form-urlencoded")
    assert without.status == 403


@pytest.mark.parametrize("route", [each for each in FORMS if each.proof == "header"], ids=shown)
def test_what_scripts_send_needs_the_proof_of_their_page(control: Control, admin: Guest, route: Route) -> None:
    foreign = re.search(
        r'data-proof="(\w+)"', Guest(control).sign_in(control.admin).get("/ui/e/hello/try").body.decode()
    )
    assert foreign
    for proof in ("", "guess", foreign.group(1)):
        assert admin.post(path(route), x_hotplate_page=proof).status == 403


def test_a_revoked_token_ends_its_session_at_once(control: Control) -> None:
    made = control.good("POST", "/tokens", {"name": "short", "scopes": ["read"]})
    guest = Guest(control).sign_in(made["token"])
    assert guest.get("/ui/").status == 200
    control.good("DELETE", f"/tokens/{made['id']}")
    assert guest.get("/ui/").status == 303


def test_signing_out_ends_the_session_on_this_side(admin: Guest) -> None:
    assert admin.post("/ui/sign-out", {"csrf": admin.proof()}).status == 303
    assert admin.get("/ui/").status == 303


def test_guessing_is_slowed_down_and_a_right_token_still_opens(control: Control) -> None:
    guest = Guest(control)
    codes = [guest.post("/ui/sign-in", {"token": f"hp_{n}_x"}).status for n in range(12)]
    assert codes[0] == 401
    assert codes[-1] == 429
    guest.sign_in(control.admin)


@pytest.mark.parametrize(
    "to", ["https://evil.example/", "//evil.example", "/\\evil.example", "/ui/../api", "/ui//x", "javascript:1"]
)
def test_signing_in_leads_nowhere_else(control: Control, to: str) -> None:
    reply = Guest(control).post("/ui/sign-in", {"token": control.admin, "to": to})
    assert (reply.status, reply.headers["location"]) == (303, "/ui/")


@pytest.mark.parametrize("route", PAGES, ids=shown)
def test_every_page_has_the_strict_policy(control: Control, admin: Guest, route: Route) -> None:
    reply = admin.get(path(route), accept="text/html")
    assert reply.status in (200, 404, 422, 503)
    policy = reply.headers["content-security-policy"]
    assert policy == HEADERS["content-security-policy"]
    assert "unsafe" not in policy
    assert reply.headers["x-content-type-options"] == "nosniff"
    page = reply.body.decode()
    assert re.findall(r"<script(?![^>]*\bsrc=)|\son\w+=|<style|\sstyle=|javascript:", page) == []


def test_the_cookie_is_the_browsers_own(control: Control) -> None:
    reply = Guest(control).post("/ui/sign-in", {"token": control.admin})
    flags = {part.strip().lower() for part in reply.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/ui"} <= flags
    assert control.admin.split("_")[2] not in reply.headers["set-cookie"]


def test_a_call_that_leads_out_of_the_endpoint_is_refused(control: Control, admin: Guest) -> None:
    import base64
    import json

    page = admin.get("/ui/e/hello/try").body.decode()
    proof = re.search(r'data-proof="(\w+)"', page)
    assert proof
    for wanted in ("/../other/infer", "/%2e%2e/other", "/a/..", "//evil", "infer", "/a b", "/a\r\nx: y"):
        value = {"method": "POST", "path": wanted, "headers": {}}
        packed = base64.b64encode(json.dumps(value).encode()).decode()
        reply = admin.post("/ui/e/hello/call", x_hotplate_page=proof.group(1), x_hotplate_call=packed)
        assert reply.status in (422, 503), wanted  # `//evil` is a path of the endpoint's like any other
