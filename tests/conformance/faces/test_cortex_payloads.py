"""The cortex face by itself: payloads by Content-Type, answers by type, errors (Cortex 0.32, serve.py)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotplate.contract import Contract, Param, Route, TypeSpec
from hotplate.dialects.base import Call, Parameter
from hotplate.errors import DeadlineExceeded, MalformedBody, UserError
from hotplate.faces.base import Answer, Head
from hotplate.faces.cortex import CortexFace

JSON = "application/json"
FORM = (
    b'--b\r\ncontent-disposition: form-data; name="k"\r\n\r\nv\r\n--b\r\ncontent-disposition: form-data; name="f"; '
    b'filename="a.txt"\r\ncontent-type: text/x\r\n\r\nabc\r\n--b--\r\n'
)


def codec(*names: str):
    route = Route(path="/infer", name="predict", params=tuple(Param(name=name, type=TypeSpec()) for name in names))
    parameters = tuple(Parameter(name=name, annotation=Any) for name in names)
    return CortexFace().codec(Call(route=route, function=print, parameters=parameters, returns=Any))


def payload(body: bytes, content_type: str | None):
    head = None if content_type is None else Head(content_type=content_type, headers={})
    return codec("payload").decode(body, head)[0]


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        (None, b'{"a": 1}', {"a": 1}),
        ("Application/JSON; charset=x", b"[null]", [None]),
        ("application/jsonlines", b"1", 1),
        (JSON, b"null", None),
        (JSON, '"é"'.encode("utf-16"), "é"),
        (JSON, b'{"a": 1, "a": 2}', {"a": 2}),
        (JSON, b"18446744073709551617", 18446744073709551617),
        ("text/plain", "é".encode(), "é"),
        ("text/plain; charset=latin-1", b"\xe9", "é"),
        ("TEXT/PLAIN; Charset=UTF-16;", "é".encode("utf-16"), "é"),
        ("text/plain; charset=us-ascii; charset=utf-8", "é".encode(), "é"),
        ("", b"{}", b"{}"),
        ("application/octet-stream", b"\x80\x04.", b"\x80\x04."),
        ("application/ld+json", b"{}", b"{}"),
        ("image/png", b"\x89PNG", b"\x89PNG"),
    ],
)
def test_the_payload_is_read_by_its_content_type(content_type, body, expected):
    got = payload(body, content_type)
    assert got == expected
    assert type(got) is type(expected)


def test_a_lent_body_is_kept_as_bytes():
    body = bytearray(b"abc")
    got = codec("payload").decode(memoryview(body), Head(content_type="x/y", headers={}))[0]
    body[:] = b"xyz"
    assert got == b"abc"


def test_a_form_is_text_and_files():
    form = payload(FORM, "multipart/form-data; boundary=b")
    assert (form["k"], form["f"].filename, form["f"].content_type, form["f"].file.read()) == (
        "v",
        "a.txt",
        "text/x",
        b"abc",
    )
    asyncio.run(form["f"].seek(0))
    assert asyncio.run(form["f"].read()) == b"abc"
    form = payload(b"a=1&a=2&b=%C3%A9", "application/x-www-form-urlencoded")
    assert (form["a"], form.getlist("a"), form["b"], list(form)) == ("2", ["1", "2"], "é", ["a", "b"])


def test_inputs_come_by_name_in_the_methods_order():
    head = Head(content_type=JSON, query="a=1&a=2&b=", headers={"x-key": "v", "host": "h"})
    headers, query, body = codec("headers", "query_params", "payload").decode(b"1", head)
    assert (headers["X-Key"], "X-KEY" in headers, headers.get("no"), body) == ("v", True, None, 1)
    assert (query["a"], query.getlist("a"), query["b"], query.get("c", 5)) == ("2", ["1", "2"], "", 5)
    assert query.multi_items() == [("a", "1"), ("a", "2"), ("b", "")]
    assert codec().decode(b"not read {", None) == ()


@pytest.mark.parametrize(
    ("content_type", "body", "status", "answer"),
    [
        (JSON, b"", 400, b'{"error": "Expecting value: line 1 column 1 (char 0)"}'),
        (JSON, b"{", 400, b'{"error": "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"}'),
        (
            JSON,
            b'"\xff"',
            400,
            b'{"error": "\'utf-8\' codec can\'t decode byte 0xff in position 1: invalid start byte"}',
        ),
        (JSON, b"[" * 100_000, 400, b'{"error": "the payload is nested too deeply"}'),
        ("text/plain", b"\xff", 400, b"'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        ("text/plain; charset=nope", b"a", 400, b"unknown encoding: nope"),
        ("multipart/form-data", b"", 400, b"Missing boundary in multipart."),
    ],
)
def test_a_body_that_cannot_be_read_is_a_400(content_type, body, status, answer):
    mine = codec("payload")
    with pytest.raises(Exception) as raised:
        mine.decode(body, Head(content_type=content_type, headers={}))
    given = mine.error(raised.value, "id")
    assert (given.status, given.body) == (status, answer)
    assert given.content_type == (JSON if answer.startswith(b"{") else "text/plain; charset=utf-8")


def test_answers_go_out_by_their_type():
    encode = lambda value: codec("payload").encode(value, None, 0, 0)  # noqa: E731
    assert encode({"label": "é", "n": [1.0, None]}) == b'{"label": "\\u00e9", "n": [1.0, null]}'
    assert encode(None) == b"null"
    assert encode(b"\x00") == Answer(body=b"\x00", content_type="application/octet-stream")
    assert encode("é") == Answer(body="é".encode(), content_type="text/plain; charset=utf-8")
    for value in ({1}, object(), float):
        with pytest.raises(TypeError):
            encode(value)
    with pytest.raises(KeyError):
        encode(KeyError("an item of a batch that failed"))


def test_a_starlette_response_goes_out_as_it_is():
    responses = pytest.importorskip("starlette.responses")
    given = codec("payload").encode(responses.HTMLResponse("<p>", 201, {"x-a": "b"}), None, 0, 0)
    assert (given.status, given.body, given.headers) == (201, b"<p>", (("x-a", "b"),))
    assert given.content_type == "text/html; charset=utf-8"


def test_errors_of_the_authors_code_stay_in_the_log():
    error = codec("payload").error
    assert error(ValueError("secret"), "id") == Answer(
        status=500, body=b"internal server error", content_type="text/plain; charset=utf-8"
    )
    assert error(UserError("tell them"), "id").status == 400
    assert error(DeadlineExceeded(), "id").status == 504


class HTTPException(Exception):
    status_code, detail, headers = 503, "later", None


def test_an_http_exception_says_its_status():
    given = codec("payload").error(HTTPException(), "id")
    assert (given.status, given.body) == (503, b'{"detail":"later"}')


def test_its_paths_are_those_that_callers_know():
    route = Route(path="/infer", name="predict", aliases=("/", "/predict", "/iris"))
    mounts = CortexFace().mounts(Contract(dialect="predictor", entry="", routes=(route,)))
    paths = ["/", "/predict", "/predict/", "/iris", "/iris/"]
    assert [(m.method, m.path) for m in mounts if m.call == 0] == [("POST", path) for path in paths]
    assert [(m.method, m.path) for m in mounts if m.call is None] == [("GET", path) for path in paths]
    assert all(m.wants == () and m.typed for m in mounts if m.call == 0)


TEXTS = st.text(alphabet='0123456789eE.+-[]{}",:truefalsn \\u\ud800\u00e9\t', max_size=12)


@given(TEXTS.map(lambda text: text.encode("utf-8", "replace")))
def test_json_is_read_as_python_reads_it(body):
    try:
        expected = repr(json.loads(body))
    except ValueError as error:
        expected = str(error)
    try:
        got = repr(payload(body, JSON))
    except MalformedBody as error:
        got = error.message
    assert got == expected


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=8,
)


@given(st.lists(VALUES) | st.dictionaries(st.text(), VALUES))
def test_json_is_written_as_python_writes_it(value):
    assert codec("payload").encode(value, None, 0, 0) == json.dumps(value).encode()


def test_a_result_that_holds_itself_is_an_error():
    value: list[Any] = []
    value.append(value)
    with pytest.raises(RecursionError):
        codec("payload").encode(value, None, 0, 0)
