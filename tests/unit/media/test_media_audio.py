"""Audio: to and from numpy, lengths that headers claim, and damaged files."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from media_samples import flac_claiming, wav

from hotplate.errors import InvalidMedia, LimitExceeded, MissingExtra
from hotplate.media import Audio, limits
from hotplate.media.limits import MediaLimits


@given(
    hnp.arrays(np.int16, st.integers(1, 300) | st.tuples(st.integers(1, 300), st.integers(2, 4))),
    st.sampled_from(["WAV", "FLAC", "AIFF", "CAF"]),
    st.sampled_from([8_000, 16_000, 44_100]),
)
def test_samples_come_back_from_lossless_formats(samples: np.ndarray, kind: str, rate: int) -> None:
    audio = Audio.from_numpy(samples, rate, format=kind)
    decoded, found_rate = Audio.from_wire(audio.to_base64()).to_numpy(dtype="int16")
    np.testing.assert_array_equal(decoded, samples)
    assert found_rate == rate
    floats, _ = audio.to_numpy()
    assert floats.dtype == np.float64
    np.testing.assert_array_equal(floats, samples / 32768)


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3", "AIFF", "AU", "CAF", "RF64"])
def test_every_allowed_format(kind: str) -> None:
    tone = np.sin(np.arange(8000) / 20)
    for samples in (tone, np.stack([tone, tone], axis=1)):
        audio = Audio.from_numpy(samples, sample_rate=16_000, format=kind)
        assert audio.is_valid()
        decoded, rate = audio.to_numpy()
        assert (decoded.shape, rate) == (samples.shape, 16_000)


def test_float32_on_request() -> None:
    assert Audio.from_numpy([0.5, -0.5], 8_000, format="WAV").to_numpy(dtype="float32")[0].dtype == np.float32


DAMAGED = [
    b"",
    b"hello",
    b"RIFF\0\0\0\0WAVE",
    b"fLaC" + bytes(50),
    b"OggS" + b"\xff" * 60,
    b"ID3" + bytes(50),
    wav(50)[:30],
]


@pytest.mark.parametrize("raw", DAMAGED)
def test_what_is_no_audio_or_damaged_is_the_callers_error(raw: bytes) -> None:
    with pytest.raises(InvalidMedia):
        Audio.from_bytes(raw).to_numpy()
    assert Audio.from_bytes(raw).is_valid() is False


def test_formats_that_only_libsndfile_knows_stay_closed() -> None:
    for kind in ("VOC", "W64", "PAF", "MAT5", "IRCAM"):
        with pytest.raises(InvalidMedia, match="Send WAV"):
            Audio.from_numpy(np.zeros(100), 8_000, format=kind).to_numpy()


@given(st.sampled_from(["WAV", "FLAC", "OGG", "AIFF", "AU"]), st.data())
def test_damage_never_gives_anything_but_samples_or_our_error(kind: str, data: st.DataObject) -> None:
    raw = bytearray(Audio.from_numpy(np.zeros(400), 8_000, format=kind).to_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        Audio.from_bytes(raw).to_numpy()
    except (InvalidMedia, LimitExceeded):
        pass


def test_a_header_that_points_before_the_file_is_damage_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    printed: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", printed.append)
    raw = bytearray(Audio.from_numpy(np.zeros(400), 8_000, format="AIFF").to_bytes())
    raw[41], raw[83] = 216, 241
    with pytest.raises(InvalidMedia):
        Audio.from_bytes(raw).to_numpy()
    assert printed == []


def test_a_wav_that_claims_more_than_it_has_gives_what_it_has() -> None:
    samples, _ = Audio.from_bytes(wav(1000, claimed_bytes=2_000_000_000)).to_numpy()
    assert samples.shape == (1000,)


def test_an_empty_recording_is_audio() -> None:
    assert Audio.from_numpy(np.zeros(0), 16_000).to_numpy()[0].shape == (0,)


def test_a_flac_written_as_a_stream_is_read_to_its_end() -> None:
    tone = np.sin(np.arange(200_000) / 20)
    flac = Audio.from_numpy(tone, 16_000, format="FLAC").to_bytes()
    for claimed in (0, 300_000):
        decoded, _ = Audio.from_bytes(flac_claiming(flac, claimed)).to_numpy()
        np.testing.assert_allclose(decoded, tone, atol=1e-4)


@pytest.mark.parametrize(
    ("raw", "changed", "told"),
    [
        (wav(32_001), {"max_audio_s": 2.0}, "longer than 2 s"),
        (wav(32_001), {"max_decoded_bytes": 32_000 * 8}, "more than 256,000 bytes"),
        (wav(3, rate=1), {"max_audio_s": 2.0}, "longer than 2 s"),
    ],
)
def test_length_and_size_are_limited(raw: bytes, changed: dict[str, float], told: str) -> None:
    try:
        limits.configure(MediaLimits(**changed))  # type: ignore[arg-type]
        with pytest.raises(LimitExceeded, match=told):
            Audio.from_bytes(raw).to_numpy()
        assert Audio.from_bytes(raw).is_valid() is False
        flac = io.BytesIO()
        soundfile.write(flac, np.zeros(40_000), 16_000, format="FLAC")
        for claimed in (40_000, 0):  # in the header; and found only on the way
            with pytest.raises(LimitExceeded):
                Audio.from_bytes(flac_claiming(flac.getvalue(), claimed)).to_numpy()
    finally:
        limits.configure(None)


def test_without_soundfile_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(MissingExtra, match=r'pip install "hotplate\[media\]".*libsndfile1'):
        Audio.from_bytes(wav(1)).to_numpy()
