"""Files in requests, read back with a multipart parser that is not ours."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest
from python_multipart.multipart import FormParser

from hotplate.client import forms
from hotplate.client.body import Body
from hotplate.client.errors import InvalidCall


def sent(body: Body) -> bytes:
    content = body.content()
    data = content if isinstance(content, bytes) else b"".join(content)
    assert len(data) == body.length
    return data


def read_back(body: Body) -> tuple[dict[str, bytes], list[tuple[str, str | None, bytes]]]:
    fields: dict[str, bytes] = {}
    files: list[tuple[str, str | None, bytes]] = []

    def on_file(file: Any) -> None:
        file.file_object.seek(0)
        files.append((file.field_name.decode(), file.file_name and file.file_name.decode(), file.file_object.read()))
        file.close()

    boundary = body.content_type.partition("boundary=")[2]
    parser = FormParser(
        "multipart/form-data",
        lambda field: fields.__setitem__(field.field_name.decode(), field.value),
        on_file,
        boundary=boundary,
    )
    parser.write(sent(body))
    parser.finalize()
    return fields, files


class Picture:
    def to_bytes(self) -> bytes:
        return b"PNG"


class Upload(Picture):
    """A media object that is an open file too, and knows its name and type."""

    filename = "cat.webp"
    content_type = "image/webp"

    def read(self) -> bytes:
        raise AssertionError("moves the position")


def test_every_way_to_give_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF\r\n--x")
    with path.open("rb") as opened:
        body = forms.multipart(
            {"metadata": "über\r\nlines", "n": 5},
            {
                "path": path,
                "text": str(path),
                "bytes": b"\x00\xff",
                "open": opened,
                "memory": io.BytesIO(b"m"),
                "media": Picture(),
                "upload": Upload(),
                "named": ("b.png", b"1"),
                "typed": ("c", path, "audio/x-own"),
                "several": [b"1", b"2"],
            },
        )
    fields, files = read_back(body)
    assert fields == {"metadata": "über\r\nlines".encode(), "n": b"5"}
    assert files == [
        ("path", "a.wav", b"RIFF\r\n--x"),
        ("text", "a.wav", b"RIFF\r\n--x"),
        ("bytes", "bytes", b"\x00\xff"),
        ("open", "a.wav", b"RIFF\r\n--x"),
        ("memory", "memory", b"m"),
        ("media", "media", b"PNG"),
        ("upload", "cat.webp", b"PNG"),
        ("named", "b.png", b"1"),
        ("typed", "c", b"RIFF\r\n--x"),
        ("several", "several", b"1"),
        ("several", "several", b"2"),
    ]
    data = sent(body)
    assert data.count(b"Content-Type: audio/x-wav\r\n") == 3
    assert b'filename="b.png"\r\nContent-Type: image/png\r\n' in data
    assert b'filename="c"\r\nContent-Type: audio/x-own\r\n' in data


def test_names_cannot_break_out_of_their_header() -> None:
    data = sent(forms.multipart({'a"\r\nX: 1': "v"}, {"f": ('q"\r\n\r\n.png', b"")}))
    assert b'name="a%22%0D%0AX: 1"\r\n' in data
    assert b'filename="q%22%0D%0A%0D%0A.png"\r\n' in data
    with pytest.raises(InvalidCall, match="line break"):
        forms.multipart({}, {"f": ("a", b"", "text/plain\r\nX: 1")})


def test_a_file_on_disk_is_read_while_it_is_sent_and_again_for_the_next_try(tmp_path: Path) -> None:
    path = tmp_path / "big.bin"
    path.write_bytes(bytes(range(256)) * 4096)
    body = forms.raw(path, None)
    assert body.content_type == "application/octet-stream"
    for _ in range(2):
        pieces = list(body.content())
        assert len(pieces) == 4
        assert b"".join(pieces) == path.read_bytes()  # type: ignore[arg-type]

    async def collect() -> bytes:
        content = body.acontent()
        assert not isinstance(content, bytes)
        return b"".join([piece async for piece in content])

    assert asyncio.run(collect()) == path.read_bytes()
    with path.open("ab") as more:
        more.write(b"grew")
    assert len(sent(body)) == 256 * 4096


@pytest.mark.parametrize(
    ("data", "given_type", "content_type", "content"),
    [
        (b"x", None, "application/octet-stream", b"x"),
        (b"x", "image/jpeg", "image/jpeg", b"x"),
        ("é", None, "text/plain; charset=utf-8", "é".encode()),
        (Picture(), "image/png", "image/png", b"PNG"),
        (Upload(), None, "image/webp", b"PNG"),
        (b"", None, "application/octet-stream", b""),
    ],
)
def test_raw_bodies(data: Any, given_type: str | None, content_type: str, content: bytes) -> None:
    body = forms.raw(data, given_type)
    assert (body.content_type, sent(body)) == (content_type, content)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("/no/such/file.png", r"^files\['f'\]: there is no file /no/such/file.png\."),
        (io.StringIO("x"), r"^files\['f'\] is open as text"),
        (5, r"^files\['f'\] is of type int"),
        (None, r"^files\['f'\] is of type NoneType"),
    ],
)
def test_what_is_not_a_file_is_refused_with_its_place(file: Any, text: str) -> None:
    with pytest.raises(InvalidCall, match=text):
        forms.multipart({}, {"f": file})
