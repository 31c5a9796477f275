"""What a query of the routes face means, and where a DELETE has its values."""

from __future__ import annotations

from typing import Any

import pytest

from hotplate.contract import Route
from hotplate.dialects.base import Call, Parameter
from hotplate.errors import InvalidInput, MalformedBody
from hotplate.faces.base import Head
from hotplate.faces.routes import RoutesCodec

PARAMETERS = (
    Parameter(name="s", annotation=str | None, default=None),
    Parameter(name="n", annotation=int, default=3),
    Parameter(name="l", annotation=list, default=[]),
    Parameter(name="d", annotation=dict | None, default=None),
)


def codec(method: str, parameters: tuple[Parameter, ...] = PARAMETERS) -> RoutesCodec:
    route = Route(path="/x", name="x", method=method)
    return RoutesCodec(Call(route=route, function=lambda *values: values, parameters=parameters, returns=Any), method)


def decode(method: str, query: str = "", body: bytes = b"") -> tuple[Any, ...]:
    return codec(method).decode(body, Head(query=query, headers={}))


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("", (None, 3, [], None)),
        ("s=5&n=5", ("5", 5, [], None)),
        ("s=null&d=null", (None, 3, [], None)),
        ("s=", ("", 3, [], None)),
        ("l=a&l=b", (None, 3, ["a", "b"], None)),
        ("l=5", (None, 3, ["5"], None)),
        ("l=%5B1,%22a%22%5D", (None, 3, [1, "a"], None)),
        ("d=%7B%22a%22:1%7D", (None, 3, [], {"a": 1})),
        ("n=1&n=2", (None, 2, [], None)),
        ("other=1", (None, 3, [], None)),
    ],
)
def test_a_query_has_the_values(query, values):
    assert decode("GET", query) == values
    assert decode("DELETE", query) == values


def test_lists_of_two_calls_are_two():
    one = codec("GET")
    first, second = one.decode(b"", None), one.decode(b"", None)
    first[2].append(1)
    assert second[2] == []


@pytest.mark.parametrize(("query", "where"), [("n=x", "n"), ("d=x", "d"), ("d=%5B%5D", "d"), ("n=null", "n")])
def test_what_does_not_fit_is_named_in_the_query(query, where):
    with pytest.raises(InvalidInput) as raised:
        decode("GET", query)
    assert [item["loc"] for item in raised.value.details] == [["query", where]]


def test_a_query_without_end_is_refused():
    with pytest.raises(MalformedBody, match="too many fields"):
        decode("GET", "&".join(["l=1"] * 1001))


def test_a_delete_may_have_a_body_and_a_get_may_not():
    assert decode("DELETE", "n=1", b'{"n": 7}')[1] == 7
    assert decode("GET", "n=1", b'{"n": 7}')[1] == 1


def test_a_route_without_parameters_looks_at_nothing():
    for method in ("POST", "GET"):
        assert codec(method, ()).decode(b"{bad", Head(query="n=x", headers={})) == ()
