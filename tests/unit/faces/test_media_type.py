from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotplate.faces.media_type import essence, is_binary, is_json, quality


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("application/json", "application/json"),
        ("  Application/JSON ; charset=utf-8", "application/json"),
        ("", ""),
        ("   ", ""),
        (";charset=utf-8", "text/plain"),
        ("json", "text/plain"),
        ("a/b/c", "text/plain"),
        ("/json", "text/plain"),
        ("image/", "text/plain"),
    ],
)
def test_essence(header: str, name: str) -> None:
    assert essence(header) == name


@pytest.mark.parametrize(
    ("name", "json"),
    [("application/json", True), ("application/vnd.a+json", True), ("text/json", False), ("image/x+json", False)],
)
def test_is_json(name: str, json: bool) -> None:
    assert is_json(name) is json


@pytest.mark.parametrize("name", ["application/octet-stream", "application/x-pickle", "image/png", "application/zip"])
def test_binary(name: str) -> None:
    assert is_binary(name)


@pytest.mark.parametrize("name", ["text/plain", "application/xml", "application/javascript", "application/x-thing"])
def test_not_binary(name: str) -> None:
    assert not is_binary(name)


@pytest.mark.parametrize(
    ("accept", "weight"),
    [
        ("image/png", 1.0),
        ("image/*", 1.0),
        ("*/*", 1.0),
        ("IMAGE/PNG;Q=0.5", 0.5),
        ("image/*;q=0.1, image/png;q=0.9, */*;q=0.2", 0.9),
        ("image/*, image/png;q=0", 0.0),
        ("audio/*", 0.0),
        ("image/jpeg", 0.0),
        ("image/png; level=1 ;q= 0.25", 0.25),
        ("image/png;q=x", 0.0),
        ("image/png;q=7", 0.0),
        ("image/png;q=nan", 0.0),
        ("", 1.0),
        ("garbage", 1.0),
    ],
)
def test_quality(accept: str, weight: float) -> None:
    assert quality(accept, "image/png") == weight


@given(st.text(), st.sampled_from(["image/png", "application/json"]))
def test_any_header_has_a_weight(accept: str, offered: str) -> None:
    assert 0.0 <= quality(accept, offered) <= 1.0
