"""Files, answers, URLs and content types: the methods that every kind of media has."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from hotplate.errors import FetchFailed
from hotplate.media import Audio, File, Image, Media, Video, fetch

PNG_START = b"\x89PNG\r\n\x1a\n" + b"\0" * 100


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Puts a stand-in where media fetches; gives the list of (url, follow_redirects) that it was asked for."""
    asked: list[tuple[str, bool]] = []

    def fake_fetch(url: str, *, follow_redirects: bool) -> bytes:
        asked.append((url, follow_redirects))
        return PNG_START

    def fake_fetch_to(url: str, path: Path, *, follow_redirects: bool) -> None:
        asked.append((url, follow_redirects))
        path.write_bytes(PNG_START)

    monkeypatch.setattr(fetch, "fetch", fake_fetch)
    monkeypatch.setattr(fetch, "fetch_to", fake_fetch_to)
    return asked


def test_from_file_and_to_file_replace_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(b"x" * 10_000)
    Image.from_bytes(PNG_START).to_file(str(path))
    assert path.read_bytes() == PNG_START
    assert Image.from_file(path).data == base64.b64encode(PNG_START)
    assert File.from_file(str(path)).filename == "cat.png"


def test_from_file_without_the_file() -> None:
    with pytest.raises(ValueError, match=r"File /no/such does not exist"):
        Image.from_file("/no/such")


def test_from_endpoint_response_looks_in_both_places() -> None:
    value = {"data": base64.b64encode(PNG_START).decode()}
    for answer, key in (
        ({"image": value}, "image"),
        ({"output": {"image": value}}, "image"),
        ({"output": value}, "output"),
        ({"output": value["data"]}, "output"),
    ):
        assert Image.from_endpoint_response(answer, key).to_bytes() == PNG_START
    for answer in ({}, {"output": None}, {"output": "image"}, {"output": {"x": value}}):
        with pytest.raises(ValueError, match="Key image not found in response"):
            Image.from_endpoint_response(answer, "image")


@pytest.mark.parametrize("url", ["ftp://a.example/x", "nothing", "file:///etc/passwd", "http://"])
@pytest.mark.parametrize("now", [False, True])
def test_from_url_takes_web_urls_only(url: str, now: bool) -> None:
    with pytest.raises(ValidationError):
        Image.from_url(url, b64=now)


def test_a_url_is_downloaded_once_and_when_it_is_needed(web: list[tuple[str, bool]]) -> None:
    image = Image.from_url("https://a.example/x.png?sig=1")
    assert image.content_type == "application/octet-stream"
    assert not web
    assert image.to_bytes() == image.to_bytes() == PNG_START
    assert image.to_base64() == base64.b64encode(PNG_START)
    assert image.content_type == "image/png"
    assert image.model_dump() == {"data": {"url": "https://a.example/x.png?sig=1"}}
    assert web == [("https://a.example/x.png?sig=1", True)]


def test_from_url_now_gives_base64(web: list[tuple[str, bool]]) -> None:
    assert Image.from_url("https://a.example/x", b64=True).data == base64.b64encode(PNG_START)
    Image.from_url("https://a.example/x", True, True)
    assert [follow for _, follow in web] == [False, True]


def test_download_writes_a_file_and_does_nothing_without_a_url(web: list[tuple[str, bool]], tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(b"x" * 10_000)
    Image.from_url("https://a.example/x").download(follow_redirects=False, file_name=str(path))
    assert path.read_bytes() == PNG_START
    Image.from_url("https://a.example/x").to_file(path)
    assert [follow for _, follow in web] == [False, True]
    Image.from_bytes(b"x").download(False, str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_an_overridden_download_is_what_every_method_uses(web: list[tuple[str, bool]], tmp_path: Path) -> None:
    class Mine(Image):
        def default_download(self, file_name: str) -> None:
            Path(file_name).write_bytes(b"mine")

    for read in (Mine.to_bytes, lambda m: base64.b64decode(m.to_base64())):
        assert read(Mine.from_url("https://a.example/x")) == b"mine"
    Mine.from_url("https://a.example/x").to_file(tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"mine"
    assert not web


def test_a_failed_fetch_is_a_value_error_and_makes_media_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(url: str, *, follow_redirects: bool) -> bytes:
        raise FetchFailed(f"status 404 ({url})")

    monkeypatch.setattr(fetch, "fetch", fail)
    with pytest.raises(ValueError, match=r"status 404 \(https://a.example/x\)"):
        Image.from_url("https://a.example/x").to_bytes()
    for kind in (Image, Audio, Video):
        assert kind.from_url("https://a.example/x").is_valid() is False


@pytest.mark.parametrize(
    ("kind", "declared", "head", "expected", "served"),
    [
        (Image, None, PNG_START, "image/png", "image/png"),
        (Image, "image/png", b"whatever", "image/png", "image/png"),
        (Image, "IMAGE/PNG; charset=x", b"whatever", "image/png", "image/png"),
        (Image, "text/html", b"<script>", "application/octet-stream", "application/octet-stream"),
        (Image, "image/svg+xml", b"<svg>", "application/octet-stream", "application/octet-stream"),
        (Image, "audio/wav", PNG_START, "image/png", "image/png"),
        (Image, "image/png\r\nX: y", b"?", "application/octet-stream", "application/octet-stream"),
        (File, "text/csv", b"a,b", "text/csv", "application/octet-stream"),
        (File, "text/html", b"<script>", "text/html", "application/octet-stream"),
        (File, "nonsense", PNG_START, "image/png", "image/png"),
        (File, None, b"?", "application/octet-stream", "application/octet-stream"),
    ],
)
def test_content_types(kind: type[Media], declared: str | None, head: bytes, expected: str, served: str) -> None:
    media = kind.from_bytes(head, declared)
    assert (media.content_type, media.served_content_type) == (expected, served)


@pytest.mark.parametrize("make", [Image.from_base64, Image, lambda b: Image.from_wire({"data": b})])
def test_the_type_of_base64_is_found_from_its_first_bytes(make: Callable[[bytes], Image]) -> None:
    assert make(base64.b64encode(PNG_START)).content_type == "image/png"
    assert Image.from_base64("%%%").content_type == "application/octet-stream"


def test_a_data_url_declares_its_type() -> None:
    text = base64.b64encode(b"whatever").decode()
    assert Image.from_wire(f"data:image/webp;base64,{text}").content_type == "image/webp"
    assert Image.from_wire(f"data:text/html;base64,{text}").content_type == "application/octet-stream"
    assert File.from_wire("data:,hello%20there").read() == b"hello there"
