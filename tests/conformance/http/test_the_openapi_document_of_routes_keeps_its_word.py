"""What /openapi.json says of routes holds: what fits it is taken, in a body or a query, and answered as described."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import negative_data_rejection
from serving import Server, serve

from tests.conformance.faces.routes_corpus import CODE, EACH, parameter, route

QUICK = settings(
    max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=False
)
BOXES = parameter("boxes", "dict", "None")
ROUTES = [
    route("/each", "echo", *EACH),
    route("/each", "echo", *EACH[:4], verb="PUT"),
    route("/query", "echo", *EACH, BOXES, verb="GET"),
    route("/query", "echo", *EACH[:2], verb="DELETE"),
    route("/nothing", "nothing"),
]
OPERATIONS = [(each["path"], each["verb"]) for each in ROUTES]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("routes")
    (folder / "functions.py").write_text(CODE)
    with serve(folder, *(part for each in ROUTES for part in ("--route", json.dumps(each)))) as running:
        yield running


@pytest.fixture(scope="module")
def schema(server: Server) -> Any:
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json")


def test_every_operation_is_described(schema: Any) -> None:
    described = {(result.ok().path, result.ok().method.upper()) for result in schema.get_all_operations()}
    assert set(OPERATIONS) <= described


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_what_fits_is_taken_and_answered_as_described(schema: Any, path: str, method: str) -> None:
    @QUICK
    @given(case=schema[path][method].as_strategy(generation_mode=GenerationMode.POSITIVE))
    def hold(case: Any) -> None:
        answer = case.call()
        case.validate_response(answer, excluded_checks=[negative_data_rejection])
        assert answer.status_code == 200, (case.query, case.body, answer.content)

    hold()


@pytest.mark.parametrize(("path", "method"), OPERATIONS[:3])
def test_what_does_not_fit_never_fails_inside(schema: Any, path: str, method: str) -> None:
    @QUICK
    @given(case=schema[path][method].as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def hold(case: Any) -> None:
        answer = case.call()
        case.validate_response(answer, excluded_checks=[negative_data_rejection])
        assert answer.status_code < 500, (case.query, case.body, answer.content)

    hold()
