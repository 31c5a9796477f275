"""A web page of another origin may call where the operator allows it, and is told of refusals as well; else not."""

from __future__ import annotations

import pytest

from tests.serving import Server, serve, write_project

PAGE = {"origin": "https://app.example.com"}
ASKS = {**PAGE, "access-control-request-method": "POST", "access-control-request-headers": "content-type,x-key"}
MODEL = "def greet(name: str) -> str: return 'Hello ' + name\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_project(tmp_path_factory.mktemp("pages"), {"model.py": MODEL})


def cors(headers: dict[str, str]) -> dict[str, str]:
    return {name.removeprefix("access-control-"): value for name, value in headers.items() if "access-control" in name}


def test_every_answer_of_an_open_endpoint_may_be_read_by_pages(folder):
    with serve(f"{folder}/model.py:greet", "--allow-origin", "*") as server:
        asked = server.request("OPTIONS", "/greet", headers=ASKS)
        assert (asked.status, asked.body) == (200, b"")
        assert cors(asked.headers) == {
            "allow-origin": "*",
            "allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
            "allow-headers": "content-type,x-key",
            "expose-headers": "x-request-id, retry-after",
            "max-age": "600",
        }
        assert server.post("/greet", {"name": "Ada"}, headers=PAGE).json()["output"] == "Hello Ada"
        for reply in (
            server.post("/greet", {"name": "Ada"}, headers=PAGE),
            server.post("/greet", {}, headers=PAGE),
            server.get("/nowhere", headers=PAGE),
            server.get("/ping", headers=PAGE),
            server.request("DELETE", "/greet", headers=PAGE),
        ):
            assert reply.headers["access-control-allow-origin"] == "*"
        local = server.request("OPTIONS", "/greet", headers={**ASKS, "access-control-request-private-network": "true"})
        assert local.headers["access-control-allow-private-network"] == "true"
        odd = server.request("OPTIONS", "/greet", headers={**ASKS, "access-control-request-headers": "a;b"})
        assert "access-control-allow-headers" not in odd.headers
        assert server.request("OPTIONS", "/greet").status == 405  # no browser asks so


def refused(server: Server) -> None:
    assert server.request("OPTIONS", "/greet", headers=ASKS).status == 405
    assert cors(server.post("/greet", {"name": "Ada"}, headers=PAGE).headers) == {}


def test_no_page_may_call_where_nobody_said_so(folder):
    with serve(f"{folder}/model.py:greet") as server:
        refused(server)


def test_the_project_file_names_one_origin(folder, tmp_path):
    files = {"hotplate.yaml": "functions: [model.py:greet]\nallow_origin: https://app.example.com\n", "model.py": MODEL}
    with serve(write_project(tmp_path, files)) as server:
        reply = server.post("/greet", {"name": "Ada"}, headers={"origin": "https://other.example"})
        assert reply.headers["access-control-allow-origin"] == "https://app.example.com"
