"""The real server of octoai-sdk 0.10.1 and ours, side by side: same service, same requests, same answers."""

from __future__ import annotations

import base64
import importlib.util
import json
import re
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hotplate.faces.base import Answer, Head
from hotplate.faces.plain import PlainCodec
from hotplate.media import File, Image
from tests.conformance.faces.octoai_corpus import CORPUS, Request
from tests.peers import octoai_python
from tests.unit.faces.calls import call_of

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
DIFFERENCES = ROOT / "docs" / "coming-from-octoai.md"

pytestmark = pytest.mark.peer


class HTTPException(Exception):
    """The shape of fastapi.HTTPException."""

    def __init__(self, status_code: int, detail: Any = None, headers: dict[str, str] | None = None) -> None:
        from http import HTTPStatus

        super().__init__(status_code, detail, headers)
        self.status_code, self.headers = status_code, headers
        self.detail = HTTPStatus(status_code).phrase if detail is None else detail


def path(text: str) -> Any:
    def mark(function: Any) -> Any:
        function.__path__ = text
        return function

    return mark


@pytest.fixture(scope="module")
def codecs() -> Iterator[dict[str, tuple[PlainCodec, Any]]]:
    """A codec per path, and the function behind it, of the service under small stand-ins for the SDK."""
    stand_ins = {
        "octoai": {},
        "octoai.service": {"Service": object, "path": path},
        "octoai.types": {"File": File, "Image": Image},
        "fastapi": {"HTTPException": HTTPException},
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, members in stand_ins.items():
            module = types.ModuleType(name)
            vars(module).update(members)
            patch.setitem(sys.modules, name, module)
        spec = importlib.util.spec_from_file_location("octoai_service", HERE / "octoai_service.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        patch.setitem(sys.modules, "octoai_service", module)
        spec.loader.exec_module(module)
        service = module.Corpus()
        found: dict[str, tuple[PlainCodec, Any]] = {}
        for name, function in vars(module.Corpus).items():
            if not name.startswith("_"):
                method = getattr(service, name)
                call = call_of(method, body="form" if name == "infer_form_data" else "json")
                found[getattr(function, "__path__", f"/{name}")] = (PlainCodec(call), method)
        yield found


@pytest.fixture(scope="module")
def theirs() -> list[dict[str, Any]]:
    requests = [
        {
            "path": request.path,
            "body": base64.b64encode(request.body).decode(),
            "headers": {} if request.content_type is None else {"content-type": request.content_type},
        }
        for request in CORPUS
    ]
    done = subprocess.run(
        [octoai_python(), HERE / "octoai_driver.py", "octoai_service"],
        input=json.dumps(requests).encode(),
        capture_output=True,
        cwd=HERE,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return json.loads(done.stdout)


def ours(codecs: dict[str, tuple[PlainCodec, Any]], request: Request) -> Answer:
    codec, function = codecs[request.path]
    plain = request.content_type == "application/json"
    head = None if plain else Head(content_type=request.content_type or "", headers={})
    try:
        answer = codec.encode(function(*codec.decode(request.body, head)), head, 1_000_000, 2_000_000)
    except Exception as error:
        return codec.error(error, "request-1")
    return answer if isinstance(answer, Answer) else Answer(body=answer)


def label(index: int) -> str:
    return f"{index}{CORPUS[index].path} {CORPUS[index].body[:40]!r} {CORPUS[index].content_type}"


@pytest.mark.parametrize("index", range(len(CORPUS)), ids=label)
def test_the_answer_is_theirs(
    index: int, codecs: dict[str, tuple[PlainCodec, Any]], theirs: list[dict[str, Any]]
) -> None:
    request, expected = CORPUS[index], theirs[index]
    answer = ours(codecs, request)
    body, their_body = bytes(answer.body), base64.b64decode(expected["body"])
    if request.differs:
        assert (answer.status, body) != (expected["status"], their_body), "no longer a difference: take it off the list"
        assert answer.status == request.status
        assert request.holds in body.decode()
        assert answer.content_type == "application/json"
        return
    assert answer.status == expected["status"], (body, their_body)
    assert answer.content_type == expected["content_type"]
    if not their_body:
        assert not body
        return
    mine, their = json.loads(body), json.loads(their_body)
    if answer.status == 200:
        assert list(mine) == list(their) == ["output", "analytics"]
        assert list(mine["analytics"]) == list(their["analytics"])
        mine, their = mine["output"], their["output"]
    assert repr(mine) == repr(their)  # so that 1 is not 1.0, and members keep their order


def listed() -> set[str]:
    section = re.search(r"^## On the wire\n(.*?)(?=^## |\Z)", DIFFERENCES.read_text(), re.S | re.M)
    assert section is not None
    return set(re.findall(r"^\| <a id=\"([a-z0-9-]+)\"></a>", section[1], re.M))


def test_every_difference_in_the_corpus_is_listed_and_argued() -> None:
    assert {request.differs for request in CORPUS if request.differs} <= listed()
