"""What `hotplate run` serves at /docs is the whole page, under its policy, and it calls the real model."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from docs_page_steps import answered, fill, send
from serving import Server, serve, write_project

from hotplate.server import pages

HELLO = """
from hotplate import Service


class Hello(Service):
    def infer(self, prompt: str, times: int = 1) -> str:
        return " ".join([prompt] * times)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(write_project(tmp_path_factory.mktemp("hello"), {"service.py": HELLO})) as running:
        yield running


@pytest.mark.parametrize("path", pages.PATHS)
def test_every_file_of_the_page_is_served_under_its_policy(server: Server, path: str) -> None:
    reply = server.get(path)
    body, content_type = pages.get(path) or (b"", "")
    assert (reply.status, reply.body, reply.headers["content-type"]) == (200, body, content_type)
    assert {name: reply.headers.get(name) for name, _ in pages.HEADERS} == dict(pages.HEADERS)


def test_a_person_calls_the_model_from_the_page(server: Server, _browser) -> None:
    _browser.problems.clear()
    _browser.open(f"{server.url}/docs")
    fill(_browser, "/infer", "prompt", "Hello plate!")
    fill(_browser, "/infer", "times", "2")
    send(_browser, "/infer")
    assert "Hello plate! Hello plate!" in answered(_browser, "/infer")
    assert _browser.problems == []
