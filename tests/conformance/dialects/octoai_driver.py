"""Runs in the peer's environment: says which class and routes a project has, by octoai-sdk or by Hotplate.

`python octoai_driver.py sdk|hotplate FOLDER...` prints one JSON list. Each project is read in a process of its own.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path

OUR_PATHS = {"/healthcheck", "/", "/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc"}


def by_sdk(folder: str) -> dict[str, object]:
    from octoai.server import Server, load_service
    from starlette.testclient import TestClient

    sys.path.insert(0, folder)
    service = load_service("service")
    app = Server(service, async_enable=False).app
    document = app.openapi()
    client = TestClient(app)
    routes = {}
    for path, operations in document["paths"].items():
        if path in OUR_PATHS:
            continue
        body = operations["post"]["requestBody"]
        (content_type,) = body["content"]
        (reference,) = body["content"][content_type]["schema"].values()
        schema = document["components"]["schemas"][reference.rpartition("/")[2]]
        missing = [each["loc"][-1] for each in client.post(path, json={}).json()["detail"]]
        routes[path] = {"params": list(schema["properties"]), "required": missing, "type": content_type}
    return {"class": type(service).__name__, "routes": routes}


def by_hotplate(folder: str) -> dict[str, object]:
    from hotplate.dialects import registry
    from hotplate.dialects.base import Project

    project = Project(root=Path(folder))
    match = registry.detect(project)
    loaded = registry.get(match.dialect).load(project, match)
    types = {"json": "application/json", "form": "multipart/form-data"}
    routes = {
        route.path: {
            "params": [param.name for param in route.params],
            "required": [param.name for param in route.params if param.required],
            "type": types[route.body],
        }
        for route in loaded.contract.routes
    }
    kinds = sorted({param.type.kind for route in loaded.contract.routes for param in route.params})
    home = sys.modules["octoai.service"].__file__ if "octoai.service" in sys.modules else None
    return {"class": loaded.contract.entry.partition(":")[2], "routes": routes, "kinds": kinds, "octoai": home}


def answer(way: str, folder: str) -> dict[str, object]:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(2, 1)  # what the project prints
        try:
            found = by_sdk(folder) if way == "sdk" else by_hotplate(folder)
        except BaseException as error:
            found = {"error": f"{type(error).__name__}: {error}"}
        os.write(write, json.dumps(found).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        found = json.loads(pipe.read())
    os.waitpid(child, 0)
    return found


def main(way: str, *folders: str) -> None:
    if way == "hotplate":
        from hotplate import compat

        compat.install()
    for name in ("octoai.server",) if way == "sdk" else ("octoai.service", "octoai.types", "pydantic"):
        import_module(name)  # once, for all children
    print(json.dumps([answer(way, folder) for folder in folders]))


if __name__ == "__main__":
    main(*sys.argv[1:])
