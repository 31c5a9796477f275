"""Bodies of every kind against one real server per dialect: each is answered or refused, and no refused one is run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.conformance.parity.calls import DATATYPES
from tests.conformance.parity.projects import PROJECTS

NAMES = ("text", "times", "scale", "loud", "tag", "numbers", "payload", "more", "")
TEXTS = st.text(max_size=20).filter(lambda text: not text.startswith("!"))
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=3))
BODIES = st.one_of(
    st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6).map(lambda tree: json.dumps(tree).encode()),
    VALUES.map(lambda tree: json.dumps(tree).encode()),
    st.binary(max_size=60),
)
TYPES = st.sampled_from(
    (
        "application/json",
        "application/json; charset=utf-16",
        "",
        "text/plain",
        "image/png",
        "application/x-www-form-urlencoded",
    )
    + (
        "multipart/form-data; boundary=X",
        "multipart/form-data",
        "application/problem+json",
        "\u00e4".encode().decode("latin-1"),
    )
)
TENSORS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(NAMES) | LEAVES,
        "shape": st.lists(st.integers(-2, 5), max_size=3) | VALUES,
        "datatype": st.sampled_from([*DATATYPES.values(), "INT8", "FP16", "NOPE"]) | LEAVES,
        "data": st.lists(LEAVES, max_size=5) | VALUES,
    }
)
REQUESTS = st.one_of(
    st.fixed_dictionaries(
        {"inputs": st.lists(TENSORS, max_size=4) | VALUES},
        optional={"id": VALUES, "outputs": VALUES, "parameters": VALUES},
    ).map(lambda tree: json.dumps(tree).encode()),
    BODIES,
)
LENGTHS = st.sampled_from((None, None, "0", "5", "-1", "99999", "x"))
REFUSALS = {400, 413, 415, 422}
bounded = settings(
    max_examples=40,
    deadline=None,
    database=None,
    derandomize=True,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
each_dialect = pytest.mark.parametrize(
    "dialect", [pytest.param(name, marks=pytest.mark.xdist_group(f"parity-{name}")) for name in PROJECTS]
)


def ask(servers: Any, dialect: str, path: str, body: bytes, headers: dict[str, str]) -> None:
    server = servers.get(dialect)
    before = servers.reached(dialect)
    reply = server.request("POST", path, body, headers)
    assert reply.status in {200} | REFUSALS, (path, body, headers, reply)
    assert servers.reached(dialect) == before + (reply.status == 200), (path, body, headers, reply)


@each_dialect
def test_plain(servers, dialect):
    @bounded
    @given(BODIES, TYPES)
    def check(body, content_type):
        ask(servers, dialect, "/infer", body, {"content-type": content_type})

    check()


@each_dialect
def test_open_inference(servers, dialect):
    @bounded
    @given(REQUESTS, LENGTHS, st.sampled_from(("infer", "infer", "generate", "generate_stream")))
    def check(body, length, variant):
        headers = {"content-type": "application/octet-stream" if length else "application/json"}
        headers |= {"inference-header-content-length": length} if length else {}
        ask(servers, dialect, f"/v2/models/parity/{variant}", body, headers)

    check()


OWN = {"service": "/infer", "function": "/predict", "input_schema": "/v2/models/parity/infer", "routes": "/predict"} | {
    "predictor": "/parity",
    "entry_point": "/v2/models/parity/predict/",
}


@each_dialect
def test_its_own_wire(servers, dialect):
    @bounded
    @given(BODIES, TYPES)
    def check(body, content_type):
        ask(servers, dialect, OWN[dialect], body, {"content-type": content_type})

    check()
