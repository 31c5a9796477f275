"""Contracts survive the way from worker to server."""

from __future__ import annotations

import json

import pytest
from contract_strategies import CONTRACT
from hypothesis import given, settings

from hotplate.contract import Contract, Param, Route, TypeSpec
from hotplate.contract.codec import decode_contract, encode_contract
from hotplate.errors import WireError


@settings(deadline=None, max_examples=50)
@given(CONTRACT)
def test_what_is_decoded_equals_what_was_encoded(contract):
    body = encode_contract(contract)
    assert decode_contract(body) == contract
    assert decode_contract(memoryview(body)) == contract
    assert isinstance(json.loads(body), dict)


GOOD = Contract(dialect="service", entry="service:Model", routes=(Route(path="/infer", name="infer"),))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("entry"), "entry"),
        (lambda c: c.update(name=5), "name"),
        (lambda c: c.update(colour="red"), "does not know: contract.colour"),
        (lambda c: c["routes"][0].update(colour="red"), r"does not know: contract.routes\[0\].colour"),
        (lambda c: c["routes"][0].update(body="xml"), "xml"),
        (lambda c: c["routes"][0].update(stream=1), "stream"),
        (lambda c: c.update(routes=None), "routes"),
    ],
)
def test_what_this_version_does_not_know_is_refused(change, message):
    written = json.loads(encode_contract(GOOD))
    change(written)
    with pytest.raises(WireError, match=message):
        decode_contract(json.dumps(written).encode())


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_contract_is_refused(body):
    with pytest.raises(WireError):
        decode_contract(body)


@pytest.mark.parametrize("value", [{1, object()}, object()])
def test_what_json_cannot_hold_is_refused(value):
    param = Param(name="x", type=TypeSpec(), required=False, default=value)
    with pytest.raises(WireError, match="cannot be written as JSON"):
        encode_contract(Contract(dialect="d", entry="e", routes=(Route(path="/", name="r", params=(param,)),)))
