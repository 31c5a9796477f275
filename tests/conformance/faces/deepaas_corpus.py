"""Requests to the models of deepaas_models/, and for each whether the answer is DEEPaaS's or what differs."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from urllib.parse import urlencode

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=XX"
MAIN = "/v2/models/main/predict/"
ACCEPT = "/v2/models/accept/predict/"
UNDECLARED = "/v2/models/undeclared/predict/"
SCHEMA = "/v2/models/schema/predict/"


@dataclass(frozen=True, kw_only=True)
class Request:
    """`differs` names a row of the tables in docs/coming-from-deepaas.md; `status` and `holds` are then ours."""

    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    differs: str = ""
    status: int = 200
    holds: str = ""


def get(path: str, method: str = "GET", **more: object) -> Request:
    return Request(method=method, path=path, **more)  # type: ignore[arg-type]


def post(
    path: str, body: str | bytes = b"", kind: str | None = None, headers: object = None, **more: object
) -> Request:
    raw = body.encode() if isinstance(body, str) else body
    sent = {**({} if kind is None else {"content-type": kind}), **(headers or {})}  # type: ignore[dict-item]
    return Request(method="POST", path=path, body=raw, headers=sent, **more)  # type: ignore[arg-type]


def query(**given: object) -> Request:
    return post(f"{MAIN}?{urlencode({'req': 'r', **given}, doseq=True)}")


def tree(given: object, **more: object) -> Request:
    whole = {"req": "r", **given} if isinstance(given, dict) else given
    return post(MAIN, json.dumps(whole), JSON, **more)


def form(pairs: list[tuple[str, str]], **more: object) -> Request:
    return post(MAIN, urlencode(pairs), FORM, **more)


def parts(*each: tuple[str, bytes]) -> bytes:
    body = b"".join(
        b"--XX\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n" % (head.encode(), data) for head, data in each
    )
    return body + b"--XX--\r\n"


REQ = ('name="req"', b"r")
FILE = 'name="data"; filename="a.txt"\r\nContent-Type: text/plain'

PATHS = [
    get("/"),
    get("/v2"),
    get("/v2/"),
    get("//v2//"),
    get("/v2//models?a=1&b=%20"),
    get("/v2/models"),
    get("/v2/models/"),
    get("/v2/models/main"),
    get("/v2/models/main/"),
    get("/v2/models/bare/"),
    get("/v2/models/schema/"),
    get("/v2/models/nope/"),
    get("/v2/models/main/predict/"),
    get("/v2/models/main/predict"),
    get("/v2/models/main/train/"),
    get("/v2/models/main/train/0123456789abcdef0123456789abcdef"),
    get("/v2/models/main/train/0123456789abcdef0123456789abcdef", "DELETE"),
    get("/v2/debug/"),
    get("/ui"),
    get("/nope"),
    get("/api/"),
    get("/v1/"),
    get("/v2/swagger.json"),
    get("/doc"),
    get("/health"),
    get("/ui/"),
    get("/v2/debug"),
    get("/v2/models//main/"),
    get("/v2/models/main/train"),
    get("/v2/models/main/train/0123456789abcdef0123456789abcdef/"),
    get("/v2/models/main/train/0123456789abcdef0123456789abcdef", "POST"),
    get("/v2/models/main/train/", "DELETE"),
    get("/v2/models/main/", "PATCH"),
    get("/v2/models/main/predict/", "DELETE"),
    get("/swagger.json", "POST"),
    get("/v2/", "PUT"),
    get("/v2/", "OPTIONS"),
    get("/v2/models/", "DELETE"),
    get("/v2/models/main/predict/", "PUT"),
    get("/", "POST"),
    post("/v2/models/main/predict?req=a"),
    post("/v2/models/main/predict", '{"req": "a"}', JSON),
    post("/v2/models/nope/predict/"),
    get("/v2/", "HEAD", differs="head", status=200),
    get("/ping", differs="own-paths", status=200, holds="pong"),
    get("/docs", differs="own-paths", status=200, holds="<html"),
    get("/api", differs="api-page", status=302),
    post("/v2/models/bare/predict/"),
    post("/v2/models/bare/train/"),
    post("/v2/models/main/train/"),
    post("/v2/models/main/train/?epochs=x"),
    post("/v2/models/main/train", '{"epochs": 1}', JSON),
    post("/v2/models/main/train/", '{"epochs": "many"}', JSON),
    post("/v2/models/main/train/", "{", JSON),
    post("/v2/models/main/train/", "epochs=x", FORM),
    post("/v2/models/nope/train/"),
]

QUERY = [
    post(MAIN),
    query(),
    query(req=""),
    query(req="a", unknown="b"),
    query(i=5, f="1.5", b="yes", s="four", choice="x", free="anything"),
    query(i="5.0"),
    query(i=0),
    query(i="101"),
    query(i=" 7 "),
    query(i=""),
    query(strict="5"),
    query(f="nan"),
    query(f="1e3"),
    query(f="inf"),
    query(f="-0"),
    query(f="1_000"),
    query(i="1_0"),
    query(i="\u0663"),
    query(i="0x10"),
    query(strict="5.0"),
    query(b="t"),
    query(b="n"),
    query(b="0"),
    query(b="1"),
    query(b="True"),
    query(b="2"),
    query(words=""),
    query(words=","),
    query(u="{6ba7b810-9dad-11d1-80b4-00c04fd430c8}"),
    post(f"{MAIN}?req=r&day=2024-2-9", differs="marshmallow-4", status=422, holds="Not a valid date."),
    query(url="ftp://example.com"),
    query(url="HTTP://EXAMPLE.COM"),
    query(**{"i": [5, 6], "unknown[]": "x"}),
    post(f"{MAIN}?req=a&&i=5&"),
    post(f"{MAIN}?=x&req=a"),
    post(f"{MAIN}?req=a+b%20c"),
    query(f="x"),
    query(b="on"),
    query(b="False"),
    query(b=""),
    query(b="maybe"),
    query(s="no"),
    query(s="much too long"),
    query(choice="z"),
    query(lst=[1, 2]),
    query(lst=1),
    query(lst="1,2"),
    query(lst="[1, 2]"),
    query(lst=[1, "x"]),
    query(words="a,b,c"),
    query(words=["a,b", "c"]),
    query(d='{"a": 1}'),
    query(nested="{}"),
    query(u="6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
    query(u="x"),
    query(day="2024-02-29"),
    query(day="2023-02-29"),
    query(url="https://example.com/a?b=c"),
    query(url="file:///etc/passwd"),
    query(url="example"),
    query(nil=""),
    query(aliased="x"),
    query(**{"a-k": "x"}),
    query(q="x", body="x", form="x", head="x", cookie="x"),
    query(data="text"),
    query(req=["a", "b"]),
    query(req="ü+%&"),
    post(f"{MAIN}?i=x&lst=y&choice=z&a-k=1"),
    post(f"{MAIN}?req"),
    post(f"{MAIN}?req=%FF"),
    post(f"{MAIN}?req=a;i=7"),
]

TREES = [
    tree({}),
    tree({"i": 5.7}),
    tree({"i": True}),
    tree({"i": 10**30}),
    tree({"i": -0.0, "f": -0.0}),
    tree({"i": [5]}),
    tree({"i": {}}),
    tree({"f": True}),
    tree({"f": None}),
    tree({"f": 10**30}),
    tree({"f": "nan"}),
    tree({"b": None}),
    tree({"b": "yes"}),
    tree({"b": []}),
    tree({"req": ""}),
    tree({"req": []}),
    tree({"req": "\u0000\ud83d\ude00\u2028"}),
    tree({"s": "éé", "choice": 5}),
    tree({"u": 5}),
    tree({"day": 5}),
    tree({"day": "2024-02-29T00:00:00"}),
    tree({"url": 5}),
    tree({"d": None}),
    tree({"words": None}),
    tree({"words": 5}),
    tree({"words": []}),
    tree({"null": "x", "nil": 5}),
    tree({"lst": [[1]]}),
    tree({"lst": [None]}),
    tree({"lst": True}),
    tree({"nested": None}),
    tree({"nested": []}),
    tree({"nested": {"a": None}}),
    tree({"data": None}),
    tree({"data": {"a": 1}}),
    tree({"i": "5"}),
    tree({"i": None}),
    tree({"strict": 5}),
    tree({"strict": 5.0}),
    tree({"strict": "5"}),
    tree({"f": 1}),
    tree({"f": "1.5"}),
    tree({"b": 1}),
    tree({"b": 2}),
    tree({"req": 5}),
    tree({"req": None}),
    tree({"lst": [1, 2]}),
    tree({"lst": 1}),
    tree({"lst": []}),
    tree({"lst": None}),
    tree({"lst": ["1", "x", 3]}),
    tree({"lst": {"a": 1}}),
    tree({"words": "a,b"}),
    tree({"words": ["a", "b"]}),
    tree({"d": {"a": [1, {"b": None}]}}),
    tree({"d": []}),
    tree({"nested": {"a": "1"}}),
    tree({"nested": {}}),
    tree({"nested": {"a": 1, "b": 2}}),
    tree({"nested": 5}),
    tree({"nil": None, "null": None}),
    tree({"a-k": "x", "aliased": "y"}),
    tree({"q": "x", "body": "x", "form": "x", "X-Head": "x", "cookie": "x"}),
    tree({"data": "text"}),
    tree([1, 2]),
    tree("text"),
    tree(None),
    tree(5),
    post(MAIN, "{", JSON),
    post(MAIN, "{}", JSON),
    post(MAIN, " ", JSON),
    post(MAIN, '{"req": "r"} x', JSON),
    post(MAIN, '{"req": "r"}', "application/JSON"),
    post(MAIN, '{"req": "r"}', "application/json5"),
    post(MAIN, '{"req": "r"}', "text/json"),
    post(MAIN, '{"req": "r", "i": 1.0e0, "f": 1E2}', JSON),
    post(MAIN, '{"req" : "r", "s":"a\\":b"}', JSON),
    post(MAIN, b'{"req": "\xff"}', JSON),
    post(MAIN, "", JSON),
    post(MAIN + "?req=q", "{", JSON),
    post(MAIN + "?req=q&i=4", '{"req": "j", "i": 5, "f": 2}', JSON),
    post(MAIN, '{"req": "r"}', "application/vnd.api+json"),
    post(MAIN, '{"req": "r"}', "application/json; charset=utf-8"),
    post(MAIN, '{"req": "r"}', "text/plain"),
    post(MAIN, '{"req": "r"}'),
    post(MAIN, gzip.compress(b'{"req": "packed"}', mtime=0), JSON, {"content-encoding": "gzip"}),
    post(MAIN, '{"req": "r", "f": NaN}', JSON, differs="json", status=400, holds="Invalid JSON body."),
    post(MAIN, '{"req": "r", "req": "s"}', JSON, differs="json", status=400, holds="Invalid JSON body."),
]

FORMS = [
    form([("req", "r")]),
    form([("req", "r"), ("lst", "1"), ("lst", "2")]),
    form([("req", "r"), ("form", "f"), ("body", "b"), ("q", "q")]),
    form([("req", ""), ("data", "text")]),
    form([("i", "x")]),
    form([("req", "r"), ("i", ""), ("b", ""), ("lst", "")]),
    form([("req", "a"), ("req", "b")]),
    form([("req", "ü+%&"), ("words", "a,b"), ("nested", "x"), ("d", "{}")]),
    post(MAIN, b"", FORM),
    post(MAIN, b"req", FORM),
    post(MAIN, b"req=a;i=7", FORM),
    post(MAIN, b"req=%FF", FORM),
    post(MAIN, b"req=r", "application/x-www-form-urlencoded; charset=utf-8"),
    post(MAIN, parts(), PARTS),
    post(MAIN + "?req=q", urlencode({"req": "f", "i": 9}), FORM),
    post(MAIN, parts(REQ), PARTS),
    post(MAIN, parts(REQ, (FILE, b"content")), PARTS),
    post(MAIN, parts(REQ, (FILE.replace("Content-Type: text/plain", "X-A: b"), b"\x00\xff")), PARTS),
    post(MAIN, parts(REQ, ('name="data"', b"text")), PARTS),
    post(MAIN, parts(REQ, ('name="data"; filename="../../etc/passwd"\r\nContent-Type: a/b', b"x")), PARTS),
    post(MAIN, parts(REQ, (FILE, b"first"), (FILE, b"second")), PARTS),
    post(MAIN, parts(REQ, (FILE, b"")), PARTS),
    post(MAIN, parts((FILE.replace("data", "req"), b"x")), PARTS),
    post(MAIN, parts(REQ, ('name="lst"', b"1"), ('name="lst"', b"2")), PARTS),
    post(MAIN + "?data=x&req=r"),
    post(MAIN, parts(REQ)[:20], PARTS, differs="multipart", status=422),
    post(MAIN, b"nothing like it", PARTS, differs="multipart", status=400),
    post(MAIN, parts(REQ, ('name="data"; filename=""', b"x")), PARTS, differs="empty-name", status=200),
]

HEADERS = [
    post(MAIN + "?req=r", headers={"x-head": "h"}),
    post(MAIN + "?req=r", headers={"cookie": "cookie=c; other=d"}),
    post(MAIN + "?req=r", headers={"cookie": "other=d"}),
    post(MAIN + "?req=r", headers={"X-HEAD": ""}),
    post(MAIN + "?req=r&head=q", '{"head": "j"}', JSON, {"x-head": "h"}),
    post(MAIN + "?req=r", headers={"cookie": 'cookie="a b"'}),
    post(MAIN + "?req=r", headers={"cookie": "cookie="}),
]

ANSWERS = [
    query(fail="none"),
    query(fail="list"),
    query(fail="text"),
    query(fail="nan"),
    query(fail="raise"),
    query(fail="not implemented"),
    query(
        fail="set",
    ),
    query(fail="bytes"),
]
ANSWERS[-2:] = [
    post(f"{MAIN}?req=r&fail=set", differs="error-texts", status=500, holds="JSON cannot write"),
    post(f"{MAIN}?req=r&fail=bytes", differs="error-texts", status=500, holds="JSON cannot write"),
]

ACCEPTS = [
    post(ACCEPT),
    *(post(ACCEPT, headers={"accept": kind}) for kind in ("image/png", "application/zip", "application/json", "*/*")),
    *(post(ACCEPT, headers={"accept": kind}) for kind in ("text/html", "nonsense")),
    *(post(f"{ACCEPT}?kind={kind}", headers={"accept": "image/png"}) for kind in ("text", "io", "none")),
    post(f"{ACCEPT}?kind=dict", headers={"accept": "image/png"}, differs="error-texts", status=500, holds="a dict"),
    post(f"{ACCEPT}?accept=application/json"),
    post(ACCEPT, headers={"accept": "text/html, image/png;q=0.9, */*;q=0.8"}, differs="accept-lists", status=200),
    post(ACCEPT, headers={"accept": "IMAGE/PNG"}, differs="accept-lists", status=200, holds="PNG"),
    post(ACCEPT, headers={"accept": "application/json;q=0.9"}, differs="accept-lists", status=200),
    post(UNDECLARED),
    post(UNDECLARED, headers={"accept": "*/*"}),
    post(UNDECLARED, headers={"accept": "text/html"}),
    post(f"{UNDECLARED}?accept=image/png"),
    post(f"{UNDECLARED}?accept=*/*"),
    post(f"{UNDECLARED}?accept=application/json", headers={"accept": "image/png"}),
    post(f"{UNDECLARED}?accept=text/html"),
    post(UNDECLARED, urlencode({"accept": "image/png"}), FORM),
    post(UNDECLARED, headers={"accept": "image/png"}, differs="accept-undeclared", status=200, holds="image/png"),
]


def answering(value: object, **more: object) -> Request:
    return post(f"{SCHEMA}?{urlencode({'answer': json.dumps(value)})}", **more)


SCHEMAS = [
    answering({"status": "OK"}),
    answering({"status": "OK", "predictions": [{"label": "a", "probability": "1.0"}]}),
    answering({"predictions": []}),
    answering({"status": 5}),
    answering({"status": "OK", "more": 1}),
    answering([1]),
    answering(None),
    answering("text"),
    post(SCHEMA),
]

CORPUS = [*PATHS, *QUERY, *TREES, *FORMS, *HEADERS, *ANSWERS, *ACCEPTS, *SCHEMAS]
