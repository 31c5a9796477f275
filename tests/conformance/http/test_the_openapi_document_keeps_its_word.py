"""What /openapi.json says holds: bodies that fit it are taken, answers are as it describes, others are refused."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydantic
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import negative_data_rejection, positive_data_acceptance
from serving import Server, serve

from tests.conformance.http import typed_service

ROUTES = {
    "/infer": "infer",
    "/params": "params",
    "/optional": "optional",
    "/anything": "anything",
    "/union": "union",
    "/stream": "stream",
    "/media": "media",
    "/form": "infer_form_data",
}
PAGES = ("/", "/docs", "/healthcheck", "/livez", "/readyz", "/ping", "/metrics")
JSON_ROUTES = [path for path in ROUTES if path not in ("/media", "/form")]
QUICK = settings(
    max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=False
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("typed")
    shutil.copy(Path(typed_service.__file__), folder / "service.py")
    with serve(folder) as running:
        yield running


@pytest.fixture(scope="module")
def schema(server: Server) -> Any:
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json")


def test_every_operation_is_tried(schema: Any) -> None:
    described = {(result.ok().path, result.ok().method.upper()) for result in schema.get_all_operations()}
    assert described == {(path, "POST") for path in ROUTES} | {(path, "GET") for path in PAGES}


@pytest.mark.parametrize(("path", "method"), [*((path, "POST") for path in ROUTES), *((path, "GET") for path in PAGES)])
def test_what_fits_is_taken_and_answered_as_described(schema: Any, path: str, method: str) -> None:
    @QUICK
    @given(case=schema[path][method].as_strategy(generation_mode=GenerationMode.POSITIVE))
    def hold(case: Any) -> None:
        answer = case.call()
        if answer.status_code == 422 and path == "/media" and b'"invalid_media"' in answer.content:
            # JSON Schema's contentEncoding is a remark: text that is no base64 fits its `type: string` as well.
            case.validate_response(answer, excluded_checks=[negative_data_rejection, positive_data_acceptance])
        else:
            case.validate_response(answer, excluded_checks=[negative_data_rejection])
            assert answer.status_code == 200, (case.body, answer.content)

    hold()


@pytest.mark.parametrize("path", JSON_ROUTES)
def test_what_does_not_fit_is_refused(schema: Any, path: str) -> None:
    """Unless pydantic would still make the type of it: `false` is 0, as it is for octoai-sdk and FastAPI."""
    takes = oracle(ROUTES[path])

    @QUICK
    @given(case=schema[path]["POST"].as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def hold(case: Any) -> None:
        answer = case.call()
        case.validate_response(answer, excluded_checks=[negative_data_rejection])
        body = answer.request.body
        if answer.status_code == 200:
            takes.model_validate_json(body)
        else:
            assert 400 <= answer.status_code < 500, (body, answer.content)

    hold()


def test_a_body_that_the_oracle_refuses_is_noticed() -> None:
    with pytest.raises(pydantic.ValidationError):
        oracle("infer").model_validate_json('{"prompt": 5}')


def oracle(name: str) -> type[pydantic.BaseModel]:
    """The model that FastAPI would make of a method's parameters."""
    parameters = list(inspect.signature(getattr(typed_service.Typed, name)).parameters.values())[1:]
    fields: dict[str, Any] = {
        each.name: (each.annotation, ... if each.default is each.empty else each.default) for each in parameters
    }
    return pydantic.create_model("Input", **fields)
