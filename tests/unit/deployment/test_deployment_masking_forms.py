"""A secret is masked as code writes it: wherever it stands in a text, and in the encodings that texts come in."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotplate.deployment.masking import MASK, Mask

SECRET = "c4nary/with+odd=chars &more ü"


@pytest.mark.parametrize(
    "form",
    [SECRET, quote(SECRET), quote(SECRET, safe=""), quote_plus(SECRET), json.dumps(SECRET), SECRET.encode().hex()],
)
def test_forms(form: str) -> None:
    masked = Mask([SECRET])(f"before {form} after")
    assert MASK in masked
    assert form not in masked
    assert "odd" not in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")


@given(before=st.binary(max_size=5), after=st.binary(max_size=5), secret=st.text(min_size=8, max_size=30))
def test_base64_wherever_the_secret_stands_in_it(before: bytes, after: bytes, secret: str) -> None:
    secret = "x" + secret.replace("\n", "n").replace("\r", "r") + "y"
    mask = Mask([secret])
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        masked = mask(encode(before + secret.encode() + after).decode())
        left = sum(len(piece) for piece in masked.split(MASK))
        assert MASK in masked
        # What may stay are the characters that the secret shares with its neighbours, and the neighbours.
        assert left <= 2 + 4 * (len(before) + len(after) + 4) // 3 + 4


def test_short_values_stay() -> None:
    assert Mask(["1", "on"])("1 is on") == "1 is on"
    assert repr(Mask(["secret value"])).find("secret") < 0
