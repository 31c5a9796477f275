"""Whatever is sent to the API, the answer is one that its document announces, and never an internal error."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from hotplate.control.api.documents import openapi

schema = schemathesis.openapi.from_dict(openapi())
EXAMPLES = 12
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def called(control):
    return control


@schema.include(path_regex="^(?!.*stream)").parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_made_up_requests_get_announced_answers(called, case):
    response = case.call(base_url=f"{called.url}/api/v1", headers={"Authorization": f"Bearer {called.admin}"})
    assert response.status_code < 500, response.text
    case.validate_response(response, checks=CHECKS)


BODIES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"x"',
    b"\xff\xfe",
    b'{"name": "\\ud800"}',
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"name": 1e400}',
    b'{"name": "a", "min_replicas": 99999999999999999999999999}',
    b'{"name": "a", "min_replicas": NaN}',
    b'{"name": "a", "limits": {"slots": 1e308}}',
    b'{"name": "a\\u0000"}',
    json.dumps({"name": "a", "env_overrides": {"A": "x" * 40_000}}).encode(),
    json.dumps({"name": "a", "env_overrides": {"": ""}}).encode(),
    json.dumps({"name": "a", "autoscaling": {"autoscaling": {}}}).encode(),
]


@pytest.mark.parametrize("number", range(len(BODIES)))
def test_a_hostile_body_is_refused(control, number):
    reply = control.ask("POST", "/endpoints", raw=BODIES[number], headers={"Content-Type": "application/json"})
    assert reply.status in (400, 422), reply.body
    assert reply.headers["content-type"] == "application/problem+json"


def test_a_body_is_bounded_and_of_one_kind(control):
    assert control.ask("POST", "/endpoints", raw=b" " * (2 << 20)).status == 413
    reply = control.ask("POST", "/endpoints", raw=b"name=a", headers={"Content-Type": "text/plain"})
    assert reply.status == 415


def test_a_head_is_bounded(control):
    for headers in ({"X-Long": "a" * 70_000}, {f"X-{number}": "a" for number in range(80)}):
        assert control.ask("GET", "/endpoints", headers=headers).status in (400, 431)


def test_an_unknown_field_is_told_with_the_one_that_was_meant(control):
    reply = control.ask("POST", "/endpoints", {"name": "a", "max_replica": 3})
    assert reply.status == 422
    assert "max_replicas" in reply.json()["detail"]
    reply = control.ask("POST", "/endpoints", {"name": "a", "min_replicas": "one"})
    assert reply.json()["errors"][0]["loc"] == ["body", "min_replicas"]


def test_many_at_once_are_all_answered(control):
    def one(number: int) -> int:
        name = f"many-{number % 5}"
        method, path, body = [
            ("POST", "/endpoints", {"name": name}),
            ("PATCH", f"/endpoints/{name}", {"min_replicas": number % 3}),
            ("DELETE", f"/endpoints/{name}", None),
        ][number % 3]
        return control.ask(method, path, body).status

    with ThreadPoolExecutor(8) as pool:
        statuses = set(pool.map(one, range(90)))
    assert statuses <= {200, 201, 404, 409}
