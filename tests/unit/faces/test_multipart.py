from __future__ import annotations

import logging
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotplate.errors import InvalidInput, MalformedBody
from hotplate.faces.base import Head
from hotplate.faces.multipart import Part, read_multipart, read_urlencoded
from hotplate.media import File
from tests.unit.faces.calls import codec_of

TYPE = "multipart/form-data; boundary=XX"


def body(*parts: tuple[str, bytes], boundary: str = "XX") -> bytes:
    mark = boundary.encode()
    each = (b"--%b\r\n%b\r\n\r\n%b\r\n" % (mark, head.encode(), data) for head, data in parts)
    return b"".join(each) + b"--%b--\r\n" % mark


def named(name: str, more: str = "") -> str:
    return f'Content-Disposition: form-data; name="{name}"{more}'


def test_parts_keep_order_names_and_bytes() -> None:
    raw = bytes(range(256)) * 9
    found = read_multipart(
        body((named("a", '; filename="é.png"\r\nContent-Type: image/png'), raw), (named("b"), b"x"), (named("a"), b"")),
        TYPE,
    )
    assert found == [Part("a", raw, "é.png", "image/png"), Part("b", b"x"), Part("a", b"")]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.binary(max_size=50)), max_size=5), st.binary(max_size=20))
def test_any_bytes_survive_between_boundaries(parts: list[tuple[str, bytes]], preamble: bytes) -> None:
    boundary = "----hotplate-7MA4YWxkTrZu0gW"
    form = body(*((named(name, '; filename="f"'), data) for name, data in parts), boundary=boundary)
    found = read_multipart(form, f'multipart/form-data; boundary="{boundary}"')
    assert [(part.name, part.data) for part in found] == parts


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(noise: bytes) -> None:
    for raw in (noise, b"--XX\r\n" + noise, b"--XX\r\n" + named("a").encode() + noise):
        try:
            read_multipart(raw, TYPE)
        except MalformedBody:
            pass


@pytest.mark.parametrize(
    ("content_type", "raw", "text"),
    [
        ("multipart/form-data", b"", "Missing boundary in multipart."),
        ("multipart/form-data; boundary=", b"", "Missing boundary in multipart."),
        (f"multipart/form-data; boundary={'x' * 71}", b"", "Boundary exceeded maximum size of 70 bytes."),
        (TYPE, b"garbage", "Invalid multipart data."),
        (TYPE, b"--XX\r\nno header\r\n\r\n", "Invalid multipart data."),
        (TYPE, body(("X: y", b"")), 'The Content-Disposition header field "name" must be provided.'),
        (TYPE, body(("Content-Disposition: form-data", b"")), 'The Content-Disposition header field "name" must'),
        (TYPE, body(*[(named("a"), b"")] * 65), "Too many fields. Maximum number of fields is 64."),
        (TYPE, body((named("a"), b"x" * (1 << 20)), (named("b"), b"x")), "Part exceeded maximum size of 1024KB."),
        (TYPE, body((named("a") + "\r\nX-A: " + "x" * 17_000, b"")), "Invalid multipart data."),
        (TYPE, body((named("a") + ("\r\nX-A: " + "x" * 4_000) * 5, b"")), "Invalid multipart data."),
        (TYPE, body((named("a") + "\r\nX-A: x" * 17, b"")), "Invalid multipart data."),
    ],
)
def test_refusals(content_type: str, raw: bytes, text: str) -> None:
    with pytest.raises(MalformedBody) as caught:
        read_multipart(raw, content_type)
    assert caught.value.message.startswith(text)


def test_what_is_just_within_the_limits() -> None:
    assert len(read_multipart(body(*[(named("a"), b"")] * 64), TYPE)) == 64
    assert len(read_multipart(body((named("a"), b"x" * (1 << 20))), TYPE)[0].data) == 1 << 20
    assert len(read_multipart(body((named("a", '; filename="f"'), b"x" * (3 << 20))), TYPE)[0].data) == 3 << 20
    boundary = "x" * 70
    assert read_multipart(body((named("a"), b"1"), boundary=boundary), f"multipart/form-data; boundary={boundary}")


@pytest.mark.parametrize("charset", ["utf-8", "latin-1", "no-such", "rot13", "hex", "utf-16"])
def test_any_charset_gives_text(charset: str) -> None:
    (part,) = read_multipart(body((named("a"), b"\xff\xfe")), f"{TYPE}; charset={charset}")
    assert isinstance(part.text, str)


def test_urlencoded() -> None:
    found = [(part.name, part.text) for part in read_urlencoded(b"a=1&b=%C3%A9+x&c=&d&a=2")]
    assert found == [("a", "1"), ("b", "é x"), ("c", ""), ("d", ""), ("a", "2")]
    with pytest.raises(MalformedBody, match="64"):
        read_urlencoded(b"a&" * 70)
    with pytest.raises(MalformedBody, match="1024KB"):
        read_urlencoded(b"a=" + b"x" * (1 << 20))


def test_a_malformed_body_is_not_logged_as_the_authors_problem(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(MalformedBody):
        read_multipart(b"garbage", TYPE)
    assert not caplog.records


@pytest.mark.serial
@pytest.mark.parametrize(
    "raw",
    [
        b"\r\n" * 1_000_000 + body((named("a"), b"1")),
        body((named("a"), b"1")) + b"\r\n" * 1_000_000,
        b"x" * 2_000_000 + body((named("a"), b"1")),
        b"--XX\r\n" + b"\r" * 2_000_000,
        b"--XX\r\n" + named("a", '; filename="f"').encode() + b"\r\n\r\n" + b"\r\n--X" * 400_000,
    ],
    ids=["preamble", "epilogue", "noise first", "carriage returns", "nearly boundaries"],
)
def test_two_megabytes_of_anything_take_fifty_milliseconds(raw: bytes) -> None:
    started = time.process_time()
    try:
        read_multipart(raw, TYPE)
    except MalformedBody:
        pass
    assert time.process_time() - started < 0.05


def test_a_form_route_gives_files_and_text() -> None:
    def infer_form_data(file: File, note: str) -> dict[str, str]: ...

    codec = codec_of(infer_form_data, body="form")
    large = bytes(range(256)) * 8192
    raw = body((named("file", '; filename="../a.wav"\r\nContent-Type: audio/wav'), large), (named("note"), b"hi"))
    file, note = codec.decode(memoryview(raw), Head(content_type=TYPE, headers={}))
    assert (file.read(), file.filename, file.content_type, file.size) == (large, "../a.wav", "audio/wav", len(large))
    assert note == "hi"
    with pytest.raises(InvalidInput) as caught:
        codec.decode(b'{"file":"a","note":"b"}', None)
    assert [item["loc"] for item in caught.value.details] == [["body", "file"], ["body", "note"]]
