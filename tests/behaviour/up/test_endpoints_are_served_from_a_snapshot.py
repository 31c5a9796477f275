from __future__ import annotations

from pathlib import Path

from tests.fleet import Fleet, endpoint, revision_of, scaling, token

TEXT = {"text": "hi"}


def test_an_endpoint_is_reached_by_path_and_by_host(fleet: Fleet, project: Path) -> None:
    revision = revision_of(project, "first1")
    caller = token("invoke", "read")
    fleet.publish(endpoint("echo", revision, scaling=scaling()), tokens=[caller])

    assert fleet.post("/echo/predict", TEXT, caller.headers).json()["output"] == "v1 hi"
    assert fleet.post("/predict", TEXT, {**caller.headers, "host": f"echo.localhost:{fleet.port}"}).status == 200
    assert fleet.post("/predict", TEXT, {**caller.headers, "host": "api-echo:8888"}).status == 200
    assert fleet.post("/predict", TEXT, {**caller.headers, "host": "api-other:8888"}).status == 421
    assert fleet.post("/predict", TEXT, caller.headers).status == 404
    assert fleet.get("/echo/healthcheck", caller.headers).status == 200
    document = fleet.get("/echo/openapi.json", caller.headers).json()
    assert document["servers"] == [{"url": "/echo"}]
    assert "/predict" in document["paths"]
    assert fleet.get("/echo/docs").status == 200
    assert "hotplate_requests_total" in fleet.get("/echo/metrics", caller.headers).body.decode()
    assert fleet.get("/livez").status == fleet.get("/readyz").status == 200
    assert b"echo" not in fleet.get("/").body
