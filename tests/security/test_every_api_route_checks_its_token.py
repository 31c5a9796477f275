"""The table of routes against every kind of token: what a route lets in is what its row says, and nothing else."""

from __future__ import annotations

import pytest

from hotplate.control.api.documents import OPEN_PATHS, routes
from hotplate.control.api.table import ROUTES

SCOPES = ("invoke", "read", "deploy", "admin")
COVERED = {"invoke": {"invoke"}, "read": {"read"}, "deploy": {"deploy", "read"}, "admin": set(SCOPES)}
WRONG = ("none", "empty", "basic", "malformed", "unknown", "other-secret", "expired", "revoked")


def path_of(route) -> str:
    path = route.path
    for name in ("name", "id", "key", "volume"):
        path = path.replace(f"{{{name}}}", "not-there")
    return path


def ident(route) -> str:
    return f"{route.method} {route.path}"


@pytest.fixture(scope="module")
def tokens(control):
    found = {scope: control.token(scope) for scope in SCOPES}
    found["limited"] = control.token("admin", endpoints=["mine"])
    expired = control.token("admin", expires_in_s=0.001)
    revoked = control.token("admin")
    control.good("DELETE", f"/tokens/{revoked.split('_')[1]}")
    prefix, name, secret = control.admin.split("_")
    found |= {
        "none": None,
        "empty": "",
        "basic": "Basic YTpi",
        "malformed": "not-one-of-ours",
        "unknown": f"{prefix}_{'0' * 12}_{secret}",
        "other-secret": f"{prefix}_{name}_{'0' * 64}",
        "expired": expired,
        "revoked": revoked,
    }
    return found


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_token_is_let_in_nowhere(control, tokens, kind):
    header = tokens[kind] if kind == "basic" else f"Bearer {tokens[kind]}"
    headers = {} if tokens[kind] is None else {"Authorization": header}
    for route in ROUTES:
        reply = control.ask(route.method, path_of(route), token=None, headers=headers)
        # Past ten wrong ones a minute the answer is 429; a request without any is never counted.
        assert reply.status == 401 or (kind != "none" and reply.status == 429), (ident(route), reply.body)
        assert reply.json()["code"] in ("unauthorized", "too_many_calls")
        assert reply.headers.get("www-authenticate", "").startswith("Bearer") or "retry-after" in reply.headers


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_opens_the_routes_that_it_covers(control, tokens, scope):
    for route in ROUTES:
        reply = control.ask(route.method, path_of(route), token=tokens[scope])
        allowed = route.scope is None or route.scope in COVERED[scope]
        assert (reply.status != 403) == allowed, (ident(route), reply.body)
        assert reply.status not in (401, 429, 500), (ident(route), reply.body)
        if not allowed:
            assert reply.json()["code"] == "forbidden"
            assert route.scope in reply.json()["detail"]


def test_a_token_for_one_endpoint_reaches_no_other_and_nothing_that_all_share(control, tokens):
    for route in ROUTES:
        if route.scope and not route.shared:
            reply = control.ask(route.method, path_of(route), token=tokens["limited"])
            assert reply.status == 403, (ident(route), reply.body)


def test_a_token_for_one_endpoint_makes_and_sees_only_that(control, tokens):
    control.good("POST", "/endpoints", {"name": "theirs"})
    assert control.ask("POST", "/endpoints", {"name": "other"}, token=tokens["limited"]).status == 403
    control.good("POST", "/endpoints", {"name": "mine"}, token=tokens["limited"])
    assert [each["name"] for each in control.good("GET", "/endpoints", token=tokens["limited"])] == ["mine"]
    control.good("POST", "/secrets", {"key": "SHARED", "value": "v4lue"})
    change = {"container_secrets": ["SHARED"]}
    assert control.ask("PATCH", "/endpoints/mine", change, token=tokens["limited"]).status == 403
    control.good("PATCH", "/endpoints/mine", change)
    control.good("PATCH", "/endpoints/mine", {"display_name": "still"}, token=tokens["limited"])
    events = control.good("GET", "/events", token=tokens["limited"])
    assert {each["event"]["endpoint"] for each in events} == {"mine"}


def test_a_right_token_is_let_in_however_many_wrong_ones_came_before(control, tokens):
    statuses = {control.ask("GET", "/account", token="hp_wrong_wrong").status for _ in range(15)}
    assert 429 in statuses
    assert control.ask("GET", "/account").status == 200


def test_only_two_documents_are_open():
    assert {route.path for route in routes()} == set(OPEN_PATHS)
    assert all(route.methods <= {"GET", "HEAD"} for route in routes())


def test_what_is_no_route_is_not_found(control):
    for path in ("", "/", "/nothing", "/endpoints/", "/endpoints/a/b/c", "/tokens/a/b"):
        assert control.ask("GET", path).status == 404
    reply = control.ask("DELETE", "/endpoints")
    assert (reply.status, reply.json()["code"]) == (405, "method_not_allowed")


def test_a_revoked_token_is_out_at_once_also_in_the_snapshot(control):
    token = control.token("read")
    name = token.split("_")[1]
    assert control.ask("GET", "/endpoints", token=token).status == 200
    assert name in {each.id for each in control.snapshot().tokens}
    control.good("DELETE", f"/tokens/{name}")
    assert control.ask("GET", "/endpoints", token=token).status in (401, 429)
    assert name not in {each.id for each in control.snapshot().tokens}
