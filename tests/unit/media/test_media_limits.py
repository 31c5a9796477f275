"""Limits: where they come from, and what the headers of the formats reveal before anything is decoded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_samples import animation, tiff

from hotplate.errors import InvalidMedia, LimitExceeded, SettingError
from hotplate.media import limits
from hotplate.media.headers import CHECKS, check_gif, check_tiff, check_webp
from hotplate.media.limits import IMAGE_FORMATS, MediaLimits

SMALL = MediaLimits(max_pixels=10_000, max_frames=8)


def test_they_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert limits.current() == MediaLimits()
    for name, text in {
        "MAX_PIXELS": "1_000",
        "MAX_FRAMES": "2",
        "MAX_AUDIO_S": "1.5",
        "MAX_VIDEO_S": "2.5",
        "MAX_VIDEO_FRAMES": "3",
        "MAX_DECODED_BYTES": "4",
        "IMAGE_FORMATS": "png, jpeg",
    }.items():
        monkeypatch.setenv("HOTPLATE_" + name, text)
    assert limits.current() == MediaLimits(
        max_pixels=1000,
        max_frames=2,
        max_audio_s=1.5,
        max_video_s=2.5,
        max_video_frames=3,
        max_decoded_bytes=4,
        image_formats=("PNG", "JPEG"),
    )


def test_code_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTPLATE_MAX_PIXELS", "5")
    try:
        limits.configure(SMALL)
        assert limits.current() is SMALL
    finally:
        limits.configure(None)
    assert limits.current().max_pixels == 5


def test_an_empty_value_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTPLATE_MAX_PIXELS", " ")
    monkeypatch.setenv("HOTPLATE_IMAGE_FORMATS", "")
    assert limits.current().max_pixels == MediaLimits().max_pixels
    assert limits.current().image_formats == IMAGE_FORMATS


@pytest.mark.parametrize("text", ["many", "0", "-1", "1.5", "nan", "1e3"])
def test_a_wrong_value_names_the_setting(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("HOTPLATE_MAX_PIXELS", text)
    with pytest.raises(SettingError) as caught:
        limits.current()
    assert caught.value.key == "HOTPLATE_MAX_PIXELS"
    assert text in caught.value.message


def test_gif_frames_are_counted_without_decoding() -> None:
    check_gif(animation("GIF", 8), SMALL)
    with pytest.raises(LimitExceeded, match="more than 8 frames"):
        check_gif(animation("GIF", 9), SMALL)


def test_a_gif_frame_that_sticks_out_counts() -> None:
    raw = bytearray(animation("GIF", 1, (10, 10)))
    at = raw.rindex(b"\x2c")
    raw[at + 1 : at + 3] = (60_000).to_bytes(2, "little")
    with pytest.raises(LimitExceeded, match="60010 x 10"):
        check_gif(bytes(raw), SMALL)


def test_a_gif_of_endless_tiny_blocks_is_refused() -> None:
    comment = b"\x21\xfe" + b"\x01x" * 2_100_000 + b"\0"
    with pytest.raises(LimitExceeded, match="blocks"):
        check_gif(animation("GIF", 1)[:-1] + comment + b";", SMALL)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("kind", [3, 4])
def test_every_tiff_page_is_measured(order: str, big: bool, kind: int) -> None:
    check_tiff(tiff((10, 10), (100, 100), order=order, big=big, kind=kind), SMALL)
    with pytest.raises(LimitExceeded, match="13000 x 13000"):
        check_tiff(tiff((10, 10), (13_000, 13_000), order=order, big=big, kind=kind), SMALL)
    check_tiff(tiff(*[(1, 1)] * 8, order=order, big=big), SMALL)
    with pytest.raises(LimitExceeded, match="more than 8 frames"):
        check_tiff(tiff(*[(1, 1)] * 9, order=order, big=big), SMALL)


def test_a_tiff_that_leads_back_to_itself_ends() -> None:
    check_tiff(tiff((1, 1), (2, 2), loop=True), SMALL)


def test_a_tiff_size_of_a_stranger_type_is_refused() -> None:
    with pytest.raises(InvalidMedia, match="unusual type"):
        check_tiff(tiff((1, 1), kind=5), SMALL)


@pytest.mark.parametrize("kind", ["lossy", "lossless", "extended"])
def test_webp_canvases_are_measured(kind: str) -> None:
    import io

    import PIL.Image

    def webp(width: int, height: int) -> bytes:
        if kind == "extended":
            return animation("WEBP", 2, (width, height))
        buffer = io.BytesIO()
        PIL.Image.new("RGB", (width, height)).save(buffer, "WEBP", lossless=kind == "lossless")
        return buffer.getvalue()

    check_webp(webp(100, 100), SMALL)
    with pytest.raises(LimitExceeded, match="101 x 100"):
        check_webp(webp(101, 100), SMALL)


@given(st.sampled_from(sorted(CHECKS)), st.binary(max_size=300))
def test_no_header_raises_anything_unexpected(kind: str, junk: bytes) -> None:
    start = {"image/gif": b"GIF89a", "image/tiff": b"II*\0", "image/webp": b"RIFF\0\0\0\0WEBP"}[kind]
    try:
        CHECKS[kind](start + junk, SMALL)
    except (InvalidMedia, LimitExceeded):
        pass
