"""Hypothesis strategies for contracts and the JSON values in them."""

from hypothesis import strategies as st

from hotplate.contract import Batching, Contract, Lifecycle, Limits, Param, Route, Source, TypeSpec

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
SCHEMA = st.dictionaries(TEXT, JSON, max_size=3)
SPEC = st.builds(
    TypeSpec, kind=st.sampled_from(["json", "image", "audio", "video", "file"]), schema=SCHEMA, annotation=TEXT
)
PARAM = st.builds(Param, name=TEXT, type=SPEC, required=st.booleans(), default=JSON, description=TEXT)
ROUTE = st.builds(
    Route,
    path=TEXT,
    name=TEXT,
    method=TEXT,
    params=st.lists(PARAM, max_size=3).map(tuple),
    returns=SPEC,
    body=st.sampled_from(["json", "form"]),
    stream=st.booleans(),
    asynchronous=st.booleans(),
    batching=st.none() | st.builds(Batching, max_size=st.integers(1, 999), max_wait_ms=st.floats(0, 1e6)),
    summary=TEXT,
    description=TEXT,
    source=st.none() | st.builds(Source, file=TEXT, line=st.integers(0, 10**6)),
)
CONTRACT = st.builds(
    Contract,
    dialect=TEXT,
    entry=TEXT,
    name=TEXT,
    face=TEXT,
    description=TEXT,
    routes=st.lists(ROUTE, max_size=3).map(tuple),
    definitions=st.dictionaries(TEXT, SCHEMA, max_size=3),
    lifecycle=st.builds(Lifecycle, setup=st.booleans(), startup=st.booleans(), shutdown=st.booleans()),
    limits=st.builds(Limits, slots=st.none() | st.integers(1, 99), timeout_s=st.none() | st.floats(0, 1e6)),
    warnings=st.lists(TEXT, max_size=2).map(tuple),
)
