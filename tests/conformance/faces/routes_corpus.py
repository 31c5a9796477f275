"""Routes, and requests to them, for a FastAPI application that is written as proxiML's was, and for ours."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

JSON = "application/json"

CODE = '''
"""Functions that routes name."""
import dataclasses
import datetime
import enum


@dataclasses.dataclass
class Point:
    x: int
    y: int


class Colour(enum.Enum):
    RED = "red"


def echo(**given):
    return given


def listed(*given):
    return list(given)


def grow(stop):
    stop.append(len(stop))
    return stop


VALUES = {
    "text": "a\\u00e9\\U0001f355\\"",
    "none": None,
    "number": 1.5,
    "truth": True,
    "tuple": (1, (2, 3)),
    "set": {1},
    "keys": {1: "a", 2.5: "b"},
    "none key": {None: 1},
    "point": Point(1, 2),
    "enum": [Colour.RED],
    "when": datetime.datetime(2024, 1, 2, 3, 4, 5),
    "bytes": b"abc",
    "pieces": "pieces",
    "nan": float("nan"),
    "object": object(),
}


def answer(what):
    return (each for each in (1, 2)) if what == "pieces" else VALUES[what]


def fail(message):
    raise Exception(message)


def nothing():
    return "done"


def pieces(n):
    yield from range(n)
'''


def parameter(name: str, kind: str, default: str | None = None) -> dict[str, Any]:
    optional = {} if default is None else {"optional": True, "default_value": default}
    return {"name": name, "type": kind, **optional}


def route(path: str, function: str, *body: dict[str, Any], verb: str = "POST", positional: bool = False) -> Any:
    return {
        "path": path,
        "verb": verb,
        "file": "functions",
        "function": function,
        "positional": positional,
        "body": list(body),
    }


EACH = (
    parameter("name", "str"),
    parameter("n", "int", "3"),
    parameter("f", "float", "0.5"),
    parameter("b", "bool", "False"),
    parameter("l", "list", "[]"),
    parameter("d", "dict", "None"),
)
ROUTES = [
    route("/each", "echo", *EACH),
    route("/each", "echo", *EACH[:4], verb="PUT"),
    route("/positional", "listed", *EACH, positional=True),
    route("/one", "echo", parameter("filename", "str")),
    route("/grow", "grow", parameter("stop", "list", "[]"), positional=True),
    route("/answer", "answer", parameter("what", "str")),
    route("/fail", "fail", parameter("message", "str", '"Not implemented"')),
    route("/nothing", "nothing"),
    route("/pieces", "pieces", parameter("n", "int")),
    route("/query", "echo", *EACH[:4], verb="GET"),
    route("/several", "echo", parameter("l", "list"), verb="GET"),
    route("/nested/path/", "nothing"),
]


@dataclass(frozen=True, kw_only=True)
class Request:
    """`differs` names a row of the table in docs/coming-from-proximl.md; `status` and `holds` are then ours."""

    method: str
    path: str
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    differs: str = ""
    status: int = 200
    holds: str = ""

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def post(path: str, body: Any, kind: str | None = JSON, method: str = "POST", **more: Any) -> Request:
    text = body if isinstance(body, str) else json.dumps(body)
    return Request(method=method, path=path, body=text, headers={"content-type": kind} if kind else {}, **more)


def get(path: str, method: str = "GET", **more: Any) -> Request:
    return Request(method=method, path=path, **more)


GIVEN: list[Any] = [
    {"name": "a"},
    {},
    {"name": 5},
    {"name": None},
    {"name": "a", "n": "5", "f": 1, "b": "true"},
    {"name": "a", "n": "x"},
    {"name": "a", "n": 1.5},
    {"name": "a", "n": 2.0},
    {"name": "a", "n": True},
    {"name": "a", "n": None},
    {"name": "a", "f": "1e3"},
    {"name": "a", "f": "x", "b": 2, "l": {}, "d": []},
    {"name": "a", "b": 1},
    {"name": "a", "l": [1, "b", None, [2]], "d": {"k": {"v": 1}}},
    {"name": "a", "extra": 1},
    {"name": "a\u00e9\U0001f355"},
    {"n": 1, "f": []},
    "{bad",
    '{"name": "a"',
    '"text"',
    "[]",
    "[1]",
    "5",
    "null",
    "",
    ' {"name" : "a" } ',
]

CORPUS = [
    *(post("/each", body) for body in GIVEN),
    *(post("/positional", body) for body in GIVEN[:4]),
    *(post("/each", body, method="PUT") for body in GIVEN[:3]),
    post("/one", {"filename": "pizza.jpg"}),
    post("/one", '"pizza.jpg"'),
    post("/one", {"filename": "a"}, "application/json; charset=utf-8"),
    post("/one", {"filename": "a"}, "application/problem+json"),
    post("/one", "filename=a", "application/x-www-form-urlencoded"),
    post("/one", "filename: a", "text/plain"),
    post("/grow", {}),
    post("/grow", {}),
    post("/grow", {"stop": [1]}),
    *(
        post("/answer", {"what": what})
        for what in ("text", "none", "number", "truth", "tuple", "keys", "point", "enum", "when", "pieces", "bytes")
    ),
    post("/answer", {"what": "missing"}),
    post("/fail", {}),
    post("/fail", {"message": "secret"}),
    post("/fail", {"message": 1}),
    post("/nothing", ""),
    post("/nothing", "{bad"),
    post("/nothing", [], "text/plain"),
    post("/pieces", {"n": 3}),
    get("/query?name=a"),
    get("/query?name=a&n=5&f=2.5&b=true"),
    get("/query?name=a&n=5&b=yes&extra=1"),
    get("/query"),
    get("/query?name=a&n=x&b=maybe"),
    get("/query?name=a&n=1.5"),
    get("/query?name=a&name=b"),
    get("/query?name=&n=7"),
    get("/query?name=a%20b%2Bc+d"),
    get("/query?name=5&n=%2B5"),
    get("/query?name=null"),
    get("/query?n="),
    get("/several?l=a&l=b"),
    get("/several?l=a"),
    get("/several?l=5"),
    get("/several"),
    get("/ping"),
    get("/nowhere"),
    get("/each"),
    post("/nowhere", {}),
    post("/query", {}),
    post("/one/", {"filename": "a"}),
    post("/nested/path/", ""),
    get("/ping/"),
    # -- what differs
    post("/each", {"name": "a", "d": None}, differs="null", holds='"d":null'),
    post("/one", {"filename": "a"}, None, differs="no-type", holds='"filename":"a"'),
    post("/one", '{"filename": "a", "filename": "b"}', differs="json", status=422, holds="occurs twice"),
    post("/each", '{"name": "a", "f": NaN}', differs="json", status=422, holds="NaN is not JSON"),
    post("/answer", {"what": "none key"}, differs="none-key", holds='"None"'),
    post("/answer", {"what": "nan"}, differs="nan", holds="null"),
    post("/nested/path", "", differs="slash", holds='"done"'),
    get("/query?name=a", method="HEAD", differs="head"),
]
