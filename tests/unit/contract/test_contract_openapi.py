"""The OpenAPI document. What it must hold for the plain face: specification of octoai-sdk 0.10.1, and OpenAPI 3.1."""

from __future__ import annotations

import json
import subprocess
import sys

import schemathesis
from contract_strategies import JSON
from hypothesis import given, settings

from hotplate.contract import Contract, Param, Route, TypeSpec
from hotplate.contract.openapi import document

STRING = TypeSpec(schema={"type": "string"})
INTEGER = TypeSpec(schema={"type": "integer"})
IMAGE = TypeSpec(kind="image", schema={"$ref": "#/components/schemas/Image"})
IMAGES = {"Image": {"type": "object"}}


def made(*routes, **named):
    contract = Contract(dialect="service", entry="service:Model", routes=routes, **named)
    written = document(contract, title="Model", version="7")
    schemathesis.openapi.from_dict(json.loads(json.dumps(written))).validate()
    for reference in find(written, "$ref"):
        step = written
        for part in reference.removeprefix("#/").split("/"):
            step = step[part]
    return written


def find(part, key):
    if isinstance(part, dict):
        yield from (value for name, value in part.items() if name == key and isinstance(value, str))
        for value in part.values():
            yield from find(value, key)
    elif isinstance(part, list):
        for value in part:
            yield from find(value, key)


def resolve(written, schema):
    return written["components"]["schemas"][schema["$ref"].rpartition("/")[2]]


def test_a_call_is_described_with_names_from_its_route():
    params = (
        Param(name="prompt", type=STRING),
        Param(name="n", type=TypeSpec(schema={"type": "integer"}), required=False, default=3),
    )
    written = made(Route(path="/my-new-route", name="my_new_route", params=params, returns=STRING, summary="Say."))
    assert written["openapi"] == "3.1.0"
    assert written["info"] == {"title": "Model", "version": "7"}
    operation = written["paths"]["/my-new-route"]["post"]
    assert (operation["operationId"], operation["summary"]) == ("my_new_route", "Say.")
    assert list(operation["requestBody"]["content"]) == ["application/json"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/MyNewRouteInput"}
    assert resolve(written, body) == {
        "title": "MyNewRouteInput",
        "type": "object",
        "properties": {"prompt": {"type": "string"}, "n": {"type": "integer", "default": 3}},
        "required": ["prompt"],
    }
    answer = resolve(written, operation["responses"]["200"]["content"]["application/json"]["schema"])
    assert answer["properties"]["output"] == {"type": "string"}
    analytics = resolve(written, answer["properties"]["analytics"])
    assert analytics["required"] == ["inference_time_ms", "performance_time_ms"]
    assert set(operation["responses"]) == {"200", "400", "413", "415", "422", "500", "502", "503", "504"}


def test_every_server_route_is_there_and_shares_a_path_with_the_models():
    written = made(Route(path="/ping", name="ping", params=(Param(name="x", type=STRING),)))
    assert {"/", "/docs", "/openapi.json", "/healthcheck", "/livez", "/readyz", "/ping", "/metrics"} <= set(
        written["paths"]
    )
    assert set(written["paths"]["/ping"]) == {"get", "post"}
    operations = [each["operationId"] for path in written["paths"].values() for each in path.values()]
    assert len(operations) == len(set(operations))


def test_media_come_as_json_as_a_part_or_as_the_whole_body():
    params = (Param(name="image", type=IMAGE), Param(name="prompt", type=STRING, required=False, default=""))
    route = Route(path="/infer", name="infer", params=params, returns=IMAGE)
    operation = made(route, definitions=IMAGES)["paths"]["/infer"]["post"]
    content = operation["requestBody"]["content"]
    assert list(content) == ["application/json", "multipart/form-data", "image/*", "application/octet-stream"]
    assert "prompt in the query string" in operation["requestBody"]["description"]
    assert list(operation["responses"]["200"]["content"]) == ["application/json", "image/*"]


def test_two_media_cannot_be_one_body():
    params = (Param(name="a", type=IMAGE), Param(name="b", type=IMAGE))
    written = made(Route(path="/infer", name="infer", params=params), definitions=IMAGES)
    content = written["paths"]["/infer"]["post"]["requestBody"]["content"]
    assert list(content) == ["application/json", "multipart/form-data"]
    part = resolve(written, content["multipart/form-data"]["schema"])["properties"]["a"]
    assert part["format"] == "binary"


def test_form_routes_take_forms_alone():
    params = (Param(name="file", type=TypeSpec(kind="file")), Param(name="metadata", type=STRING))
    written = made(Route(path="/infer-form-data", name="infer_form_data", params=params, body="form"))
    content = written["paths"]["/infer-form-data"]["post"]["requestBody"]["content"]
    assert list(content) == ["multipart/form-data"]
    form = resolve(written, content["multipart/form-data"]["schema"])
    assert form["required"] == ["file", "metadata"]
    assert form["properties"]["metadata"] == {"type": "string", "minLength": 1}  # empty counts as missing


def test_streams_are_events():
    written = made(
        Route(path="/infer", name="infer", params=(Param(name="x", type=STRING),), returns=STRING, stream=True)
    )
    content = written["paths"]["/infer"]["post"]["responses"]["200"]["content"]
    assert list(content) == ["text/event-stream"]
    assert content["text/event-stream"]["x-event-data"] == {"type": "string"}


def test_an_authors_type_keeps_its_name_where_ours_is_the_same():
    taken = {name: {"type": "object", "title": "author's"} for name in ("InferInput", "Error", "Analytics")}
    written = made(Route(path="/infer", name="infer", params=(Param(name="x", type=STRING),)), definitions=taken)
    schemas = written["components"]["schemas"]
    assert all(schemas[name]["title"] == "author's" for name in taken)
    assert {"InferInput2", "Error2", "Analytics2"} <= set(schemas)
    assert resolve(written, written["components"]["responses"]["Failed"]["content"]["application/json"]["schema"])[
        "required"
    ] == ["detail"]


def test_paths_that_give_the_same_name_are_kept_apart():
    routes = [Route(path=path, name="f", params=(Param(name="x", type=STRING),)) for path in ("/a-b", "/a_b", "/a/b")]
    written = made(*routes)
    names = {written["paths"][route.path]["post"]["operationId"] for route in routes}
    assert names == {"a_b", "a_b_2", "a_b_2_2"}


def test_a_server_and_a_description_are_shown_where_they_are_known():
    contract = Contract(dialect="service", entry="e", description="Echoes.")
    written = document(contract, title="t", version="1", server_url="https://model.example")
    assert written["servers"] == [{"url": "https://model.example"}]
    assert written["info"]["description"] == "Echoes."


@settings(deadline=None, max_examples=25)
@given(JSON)
def test_any_default_is_written(default):
    param = Param(name="x", type=TypeSpec(), required=False, default=default)
    written = made(Route(path="/infer", name="infer", params=(param,)))
    assert written["components"]["schemas"]["InferInput"]["properties"]["x"] == {"default": default}


def test_a_null_default_is_written_only_where_null_may_be_sent():
    either = {"anyOf": [{"type": "integer"}, {"type": "null"}]}
    params = (
        Param(name="a", type=INTEGER, required=False),
        Param(name="b", type=TypeSpec(schema=either), required=False),
    )
    written = made(Route(path="/infer", name="infer", params=params))
    properties = written["components"]["schemas"]["InferInput"]["properties"]
    assert properties == {"a": {"type": "integer"}, "b": {**either, "default": None}}


def test_only_msgspec_and_the_standard_library_are_imported():
    code = "import sys; before = set(sys.modules); import hotplate.contract.openapi\n"
    code += "new = {name.partition('.')[0] for name in sys.modules.keys() - before}\n"
    code += "assert new <= sys.stdlib_module_names | {'hotplate', 'msgspec', 'typing_extensions'}, new"
    subprocess.run([sys.executable, "-c", code], check=True)
