"""A page in a browser can neither reach the API under a name of its own nor change anything through it."""

from __future__ import annotations

import http.client
from contextlib import closing

import pytest
from control_rig import running_control, short_home

from hotplate.control.api.table import ROUTES

FOREIGN = [
    "evil.example",
    "evil.example:8081",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "",
    "[::2]",
    "0.0.0.0",
]


def status(control, method, headers, path="/api/v1/account"):
    with closing(http.client.HTTPConnection("127.0.0.1", control.port, timeout=30)) as connection:
        connection.putrequest(method, path, skip_host=True)
        for name, value in {"Authorization": f"Bearer {control.admin}", **headers}.items():
            connection.putheader(name, value)
        connection.endheaders()
        return connection.getresponse().status


@pytest.mark.parametrize("host", FOREIGN)
def test_another_name_is_refused_also_with_a_right_token(control, host):
    assert status(control, "GET", {"Host": host}) in (400, 403)
    assert status(control, "GET", {"Host": host}, "/healthz") in (400, 403)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST:1"])
def test_this_machines_names_are_answered(control, host):
    assert status(control, "GET", {"Host": host}) == 200


def test_a_request_without_a_host_is_refused(control):
    assert status(control, "GET", {}) == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://localhost:3000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    ],
    ids=lambda headers: "-".join(f"{name}={value}" for name, value in headers.items()),
)
def test_a_change_from_another_site_is_refused(control, method, headers):
    assert status(control, method, {"Host": "localhost", **headers}, "/api/v1/endpoints") == 403


def test_a_change_from_the_same_origin_is_taken(control):
    own = f"localhost:{control.port}"
    headers = {"Host": own, "Origin": f"http://{own}", "Sec-Fetch-Site": "same-origin"}
    assert control.ask("POST", "/volumes", {"name": "same-origin"}, headers=headers).status == 201


def test_who_comes_by_a_proxy_that_hides_its_name_is_told_so(control):
    headers = {"Host": f"127.0.0.1:{control.port}", "Origin": "https://models.example.com"}
    refused = control.ask("POST", "/volumes", {"name": "hidden"}, headers=headers).json()
    assert "'https://models.example.com' asked '127.0.0.1:" in refused["detail"]
    assert "proxy" in refused["detail"]


def test_nothing_is_offered_to_other_origins(control):
    reply = control.ask("GET", "/account", headers={"Origin": "https://evil.example"})
    assert not [name for name in reply.headers if name.startswith("access-control")]
    assert control.ask("OPTIONS", "/endpoints", headers={"Host": "localhost"}).status == 405
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert reply.headers["cache-control"] == "no-store"


def test_further_names_are_allowed_by_name():
    with short_home() as home, running_control(home, "--allow-host", "hotplate.example") as control:
        assert status(control, "GET", {"Host": "hotplate.example"}) == 200
        assert status(control, "GET", {"Host": "evil.example"}) == 403


def test_the_page_of_the_api_runs_nothing_but_its_own_files(control):
    page = control.ask("GET", "/docs", token=None)
    assert page.status == 200 and page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    document = control.ask("GET", "/openapi.json", token=None).json()
    assert document["openapi"] == "3.1.0" and document["servers"] == [{"url": "/api/v1"}]
    assert set(document["paths"]) == {route.path for route in ROUTES}
    for path in ("/docs/../openapi.json", "/docs/%2e%2e/endpoints", "/docs/nothing.js"):
        assert control.ask("GET", path, token=None).status in (401, 404)
