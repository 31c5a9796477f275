"""Image: to and from Pillow, what is refused, and what a damaged file turns into."""

from __future__ import annotations

import io
import sys

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_samples import animation, flat_png

from hotplate.errors import InvalidMedia, LimitExceeded, MissingExtra
from hotplate.media import Image, limits
from hotplate.media.limits import MediaLimits


def encoded(kind: str, mode: str = "RGB", size: tuple[int, int] = (5, 4)) -> bytes:
    buffer = io.BytesIO()
    PIL.Image.linear_gradient("L").resize(size).convert(mode).save(buffer, kind)
    return buffer.getvalue()


@given(st.integers(1, 6), st.integers(1, 6), st.data(), st.sampled_from(["PNG", "BMP", "TIFF", "PPM"]))
def test_pixels_come_back_from_lossless_formats(width: int, height: int, data: st.DataObject, kind: str) -> None:
    pixels = data.draw(st.binary(min_size=width * height * 3, max_size=width * height * 3))
    image = Image.from_pil(PIL.Image.frombytes("RGB", (width, height), pixels), format=kind)
    decoded = Image.from_wire({"data": image.to_base64().decode()}).to_pil()
    assert (decoded.size, decoded.mode, decoded.tobytes()) == ((width, height), "RGB", pixels)


@pytest.mark.parametrize("kind", ["AVIF", "BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP"])
@pytest.mark.parametrize("size", [(5, 4), (1, 1), (1, 300)])
def test_every_allowed_format(kind: str, size: tuple[int, int]) -> None:
    image = Image.from_bytes(encoded(kind, size=size))
    decoded = image.to_pil()
    assert (decoded.format, decoded.size) == (kind, size)
    assert image.is_valid()


def test_from_pil_is_jpeg_by_default() -> None:
    image = Image.from_pil(PIL.Image.new("RGB", (2, 2)))
    assert (image.content_type, image.to_pil().format) == ("image/jpeg", "JPEG")


def test_rgba_as_jpeg_is_pillows_own_error() -> None:
    with pytest.raises(OSError, match="RGBA"):
        Image.from_pil(PIL.Image.new("RGBA", (2, 2)))


def test_an_animation_can_be_walked() -> None:
    for kind in ("GIF", "PNG", "WEBP", "TIFF"):
        decoded = Image.from_bytes(animation(kind, 5)).to_pil()
        assert getattr(decoded, "n_frames", 1) == 5
        decoded.seek(4)
        assert np.asarray(decoded.convert("RGB")).shape == (2, 2, 3)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"hello",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"II*\0",
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        encoded("PNG")[:-30],
        encoded("JPEG", size=(50, 50))[:-200],
        encoded("WEBP")[:30],
        flat_png(0, 0),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 5 5\n",
        encoded("ICO"),
        encoded("TGA"),
    ],
)
def test_what_is_no_image_or_damaged_or_not_allowed_is_the_callers_error(raw: bytes) -> None:
    image = Image.from_bytes(raw)
    with pytest.raises(InvalidMedia) as caught:
        image.to_pil()
    assert caught.value.message.startswith(("The data is not an image", "The image", "The TIFF"))
    assert not image.is_valid()


@given(st.sampled_from(["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "PPM"]), st.data())
def test_damage_never_gives_anything_but_an_image_or_our_error(kind: str, data: st.DataObject) -> None:
    raw = bytearray(encoded(kind))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        Image.from_bytes(raw).to_pil()
    except (InvalidMedia, LimitExceeded):
        pass


def test_formats_are_a_setting() -> None:
    try:
        limits.configure(MediaLimits(image_formats=("PNG",)))
        assert Image.from_bytes(encoded("PNG")).is_valid()
        with pytest.raises(InvalidMedia, match="Send one of: PNG"):
            Image.from_bytes(encoded("JPEG")).to_pil()
    finally:
        limits.configure(None)


def test_junk_base64_is_not_valid() -> None:
    assert Image(b"%%%").is_valid() is False


def test_without_pillow_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingExtra, match=r'pip install "hotplate\[media\]"'):
        Image.from_bytes(b"x").to_pil()
    with pytest.raises(ImportError):
        Image.from_bytes(b"x").is_valid()
