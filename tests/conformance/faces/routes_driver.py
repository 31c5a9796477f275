"""Runs in the environment of FastAPI: an application as proxiML wrote it for routes, and its answers to a corpus.

`python routes_driver.py FOLDER` reads `{"routes": [...], "requests": [...]}` and prints one answer a request.
The shape of a handler is that of proxiML's public example (regional-endpoint-example, api.py).
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from importlib import import_module
from typing import Any

from fastapi import FastAPI, Query
from fastapi.testclient import TestClient
from pydantic import create_model

TYPES = {"str": str, "int": int, "float": float, "bool": bool, "dict": dict, "list": list}


def default(field: dict[str, Any]) -> Any:
    return ast.literal_eval(field["default_value"]) if field.get("optional") else ...


def handler(route: dict[str, Any], number: int) -> Any:
    function = getattr(import_module(route["file"]), route["function"])
    names = [field["name"] for field in route["body"]]

    def call(values: dict[str, Any]) -> Any:
        return function(*(values[name] for name in names)) if route["positional"] else function(**values)

    if route["verb"] == "GET":
        parameters = []
        for field in route["body"]:
            given = Query() if default(field) is ... else Query(default(field))
            kind = list[str] if field["type"] == "list" else TYPES[field["type"]]
            parameters.append(
                inspect.Parameter(field["name"], inspect.Parameter.KEYWORD_ONLY, default=given, annotation=kind)
            )

        def by_query(**values: Any) -> Any:
            return call(values)

        by_query.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return by_query
    if not names:
        return lambda: function()
    body = create_model(
        f"Body{number}", **{field["name"]: (TYPES[field["type"]], default(field)) for field in route["body"]}
    )

    def by_body(item: Any) -> Any:
        return call({name: getattr(item, name) for name in names})

    by_body.__annotations__ = {"item": body}
    return by_body


def main(folder: str) -> None:
    given = json.load(sys.stdin)
    sys.path.insert(0, folder)
    app = FastAPI()
    app.get("/ping")(lambda: {"message": "pong"})
    for number, route in enumerate(given["routes"]):
        app.api_route(route["path"], methods=[route["verb"]])(handler(route, number))
    client = TestClient(app, raise_server_exceptions=False, follow_redirects=False, base_url="http://127.0.0.1")
    answers = []
    for request in given["requests"]:
        answer = client.request(
            request["method"], request["path"], content=request["body"].encode(), headers=request["headers"]
        )
        answers.append([answer.status_code, dict(answer.headers), answer.text])
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
