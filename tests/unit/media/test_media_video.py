"""Video: to and from numpy, the iterator over a file, limits and damaged files."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from hotplate.errors import InvalidMedia, LimitExceeded, MissingExtra
from hotplate.media import Audio, Image, Video, limits
from hotplate.media.limits import MediaLimits


def frames(count: int = 6, height: int = 32, width: int = 48) -> list[np.ndarray]:
    return [np.full((height, width, 3), (20 + n * 30) % 256, np.uint8) for n in range(count)]


@pytest.fixture(scope="module")
def clip() -> bytes:
    return Video.from_numpy(frames()).to_bytes()


def remuxed(kind: str, codec: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=25, **options)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        for array in frames():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(array, format="rgb24")))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def test_frames_come_back(clip: bytes) -> None:
    video = Video.from_wire(Video.from_bytes(clip).to_base64())
    decoded = video.to_numpy()
    assert (decoded.shape, decoded.dtype) == ((6, 32, 48, 3), np.uint8)
    for n, frame in enumerate(decoded):
        assert abs(int(frame.mean()) - (20 + n * 30)) <= 3
    assert (video.content_type, video.is_valid()) == ("video/mp4", True)


def test_more_frames_than_the_first_guess() -> None:
    assert Video.from_numpy(frames(70), fps=24).to_numpy().shape[0] == 70


@pytest.mark.parametrize(
    ("kind", "codec", "expected"),
    [("webm", "libvpx", "video/webm"), ("matroska", "mpeg4", "video/x-matroska"), ("avi", "mjpeg", "video/x-msvideo")]
    + [("mov", "libx264", "video/quicktime")],
)
def test_other_containers(kind: str, codec: str, expected: str) -> None:
    options = {"options": {"strict": "unofficial"}} if codec == "mjpeg" else {}
    video = Video.from_bytes(remuxed(kind, codec, **options))
    assert (video.content_type, video.to_numpy().shape, video.is_valid()) == (expected, (6, 32, 48, 3), True)


def test_the_iterator_reads_a_file_that_the_caller_deletes(clip: bytes) -> None:
    iterator, name = Video.from_bytes(clip).to_numpy_iterator()
    try:
        assert Path(name).read_bytes() == clip
        assert [frame.shape for frame in iterator] == [(32, 48, 3)] * 6
    finally:
        Path(name).unlink()


@pytest.mark.parametrize("shape", [(32, 48), (32, 48, 1), (32, 48, 4)], ids=["grey", "grey with axis", "with alpha"])
def test_other_layouts_of_frames(shape: tuple[int, ...]) -> None:
    assert Video.from_numpy([np.zeros(shape, np.uint8)] * 3).to_numpy().shape == (3, 32, 48, 3)


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ([], "no frames"),
        ([np.zeros((31, 48, 3), np.uint8)], "even height and width"),
        ([np.zeros((32, 48, 3), np.float32)], "uint8"),
        ([np.zeros((32, 48, 2), np.uint8)], "uint8 of shape"),
        ([np.zeros((32, 48, 3), np.uint8), np.zeros((16, 48, 3), np.uint8)], "shape of the first"),
    ],
)
def test_frames_that_make_no_video(bad: list[np.ndarray], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Video.from_numpy(bad)


def test_what_is_no_video_or_damaged_is_the_callers_error(clip: bytes) -> None:
    from PIL.Image import new

    sound = io.BytesIO()
    with av.open(sound, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=16_000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 16_000
        container.mux(stream.encode(silence))
        container.mux(stream.encode(None))
    for raw in (
        b"",
        b"hello",
        clip[:100],
        clip[: len(clip) // 2],
        b"\0\0\0\x18ftypisom" + b"\xff" * 100,
        sound.getvalue(),
        Image.from_pil(new("RGB", (4, 4))).to_bytes(),
        Audio.from_numpy(np.zeros(100), 8_000).to_bytes(),
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
    ):
        with pytest.raises(InvalidMedia):
            Video.from_bytes(raw).to_numpy()
        assert Video.from_bytes(raw).is_valid() is False


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"max_pixels": 1000}, "48 x 32 pixels"),
        ({"max_video_frames": 5}, "more than 5 frames"),
        ({"max_video_s": 0.1}, "longer than 0.1 s"),
        ({"max_decoded_bytes": 5 * 32 * 48 * 3}, "more than 23,040 bytes"),
    ],
)
def test_size_and_length_are_limited(clip: bytes, changed: dict[str, Any], told: str) -> None:
    try:
        limits.configure(MediaLimits(**changed))
        with pytest.raises(LimitExceeded, match=told):
            Video.from_bytes(clip).to_numpy()
        assert Video.from_bytes(clip).is_valid() is ("max_decoded_bytes" in changed)
    finally:
        limits.configure(None)


def test_frames_are_counted_where_the_header_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = remuxed("matroska", "mpeg4")  # Matroska has no number of frames
    try:
        limits.configure(MediaLimits(max_video_frames=5))
        with pytest.raises(LimitExceeded, match="more than 5 frames"):
            Video.from_bytes(raw).to_numpy()
    finally:
        limits.configure(None)


def test_without_pyav_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, clip: bytes) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtra, match=r'pip install "hotplate\[media\]"'):
        Video.from_bytes(clip).to_numpy()
    with pytest.raises(MissingExtra):
        Video.from_numpy(frames())


def test_a_video_that_grows_on_the_way_is_refused_before_the_larger_frame_is_decoded() -> None:
    small, large = program_stream(48, 32), program_stream(640, 480)
    try:
        limits.configure(MediaLimits(max_pixels=2000))
        with pytest.raises(InvalidMedia, match="damaged"):
            Video.from_bytes(small + large).to_numpy()
    finally:
        limits.configure(None)
    with pytest.raises(InvalidMedia, match="changes its size"):
        Video.from_bytes(small + large).to_numpy()


def program_stream(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mpeg") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for array in frames(6, height, width):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(array, format="rgb24")))
        container.mux(stream.encode(None))
    return buffer.getvalue()
