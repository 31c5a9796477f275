"""Content types told from the first bytes, of files made by the libraries that read them later."""

from __future__ import annotations

import io

import numpy as np
import PIL.Image
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from hotplate.media.sniff import KNOWN_TYPES, sniff


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("GIF", "image/gif"),
        ("BMP", "image/bmp"),
        ("TIFF", "image/tiff"),
        ("WEBP", "image/webp"),
        ("AVIF", "image/avif"),
        ("PPM", "image/x-portable-anymap"),
    ],
)
def test_images(kind: str, expected: str) -> None:
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (4, 4)).save(buffer, kind)
    assert sniff(buffer.getvalue()[:64]) == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("WAV", "audio/wav"),
        ("RF64", "audio/wav"),
        ("FLAC", "audio/flac"),
        ("OGG", "audio/ogg"),
        ("MP3", "audio/mpeg"),
        ("AIFF", "audio/aiff"),
        ("AU", "audio/basic"),
        ("CAF", "audio/x-caf"),
    ],
)
def test_audio(kind: str, expected: str) -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(4000), 16000, format=kind)
    assert sniff(buffer.getvalue()[:64]) == expected


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\0\0\0\x18ftypisom", "video/mp4"),
        (b"\0\0\0\x14ftypqt  ", "video/quicktime"),
        (b"\0\0\0\x1cftypM4A ", "audio/mp4"),
        (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "video/webm"),
        (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska", "video/x-matroska"),
        (b"RIFF\0\0\0\0AVI LIST", "video/x-msvideo"),
        (b"", None),
        (b"\xff", None),
        (b"P", None),
        (b"PK\x03\x04", None),
        (b"<html>", None),
        (b"%PDF-1.7", None),
        (b"<svg xmlns=", None),
        (b"RIFF\0\0\0\0????", None),
    ],
)
def test_others(head: bytes, expected: str | None) -> None:
    assert sniff(head) == expected


@given(st.binary(max_size=80))
def test_whatever_the_bytes_the_answer_is_a_known_type_or_none(head: bytes) -> None:
    assert sniff(head) in KNOWN_TYPES | {None}
