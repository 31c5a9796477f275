from __future__ import annotations

import socket
import time

import pytest

from hotplate.errors import SettingError
from hotplate.jobs.places import read_bucket
from hotplate.jobs.s3 import S3Blobs, Unreachable


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://bucket", ("bucket", "")),
        ("s3://bucket/", ("bucket", "")),
        ("s3://my.bucket-1/a/b", ("my.bucket-1", "a/b/")),
        ("s3://bucket/a/b/", ("bucket", "a/b/")),
    ],
)
def test_a_url_is_a_bucket_and_a_prefix(url, expected):
    assert read_bucket(url) == expected


@pytest.mark.parametrize(
    "url", ["bucket", "https://bucket", "s3://", "s3://B", "s3://a/b?c", "s3://abc/../d", "s3://a b"]
)
def test_anything_else_is_refused_with_the_form_that_it_must_have(url):
    with pytest.raises(SettingError, match="s3://BUCKET/PREFIX"):
        read_bucket(url)


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch):
    """A server that takes connections and never answers."""
    listener = socket.create_server(("127.0.0.1", 0))
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{listener.getsockname()[1]}",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret-of-the-key",
    }.items():
        monkeypatch.setenv(name, value)
    yield
    listener.close()


@pytest.mark.parametrize("what", ["put", "get", "collect"])
def test_a_bucket_that_says_nothing_is_given_up_and_told_of_once(silent, what):
    told: list[str] = []
    blobs = S3Blobs("bucket", "a/", keep_s=1, warn=told.append, silence_s=0.3)
    given = {"put": b"data", "get": "0" * 64, "collect": set()}[what]
    begun = time.monotonic()
    for _ in range(2):
        with pytest.raises(Unreachable) as raised:
            getattr(blobs, what)(given)
        assert raised.value.strerror == "the bucket for large inputs and results cannot be reached"
    assert time.monotonic() - begun < 20
    assert len(told) == 1
    assert "(bucket)" in told[0]
    assert "secret-of-the-key" not in told[0]


def test_a_name_that_is_none_reaches_no_bucket(silent):
    with pytest.raises(ValueError, match="not a name"):
        S3Blobs("bucket", "", keep_s=1, warn=print).get("../../other")
