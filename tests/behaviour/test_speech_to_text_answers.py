"""The speech-to-text scaffold writes down what a synthesiser says."""

from __future__ import annotations

import base64
import io
import shutil
import subprocess

import numpy as np
import pytest
import soundfile

from tests import scaffolds

pytestmark = pytest.mark.timeout(600)  # the first run installs PocketSphinx

SENTENCE = "the president of the united states"
OTHER_SENTENCE = "the company said on monday"


@pytest.fixture(scope="module")
def python():
    return scaffolds.offline_python()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return scaffolds.project("speech-to-text", tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def server(folder, python):
    with scaffolds.served(folder, python) as server:
        yield server


def speak(text: str) -> tuple[np.ndarray, int]:
    """Give the samples and the sample rate of a sentence as espeak-ng says it."""
    assert shutil.which("espeak-ng"), "this test needs the speech synthesiser espeak-ng: sudo apt-get install espeak-ng"
    command = ["espeak-ng", "-v", "en-us+f2", "-s", "130", "-p", "60", "--stdout", text]
    wav = subprocess.run(command, capture_output=True, check=True).stdout
    samples, sample_rate = soundfile.read(io.BytesIO(wav))
    assert sample_rate == 22_050
    return samples, sample_rate


def as_input(samples: np.ndarray, sample_rate: int, kind: str = "WAV") -> dict[str, str]:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, sample_rate, format=kind)
    return {"data": base64.b64encode(buffer.getvalue()).decode()}


@pytest.mark.parametrize("sentence", [SENTENCE, OTHER_SENTENCE])
def test_it_writes_down_a_spoken_sentence(server, sentence):
    output = scaffolds.infer(server, audio=as_input(*speak(sentence)))
    assert output["text"] == sentence
    (segment,) = output["segments"]
    assert segment["text"] == sentence
    assert 0 < segment["confidence"] <= 1


def test_stereo_at_another_rate_in_another_format_says_the_same(server):
    samples, _ = speak(SENTENCE)
    frames = len(samples) * 48_000 // 22_050
    faster = np.interp(np.arange(frames) * 22_050 / 48_000, np.arange(len(samples)), samples)
    stereo = np.stack([faster, 0.5 * faster], axis=1)
    assert scaffolds.infer(server, audio=as_input(stereo, 48_000, "FLAC"))["text"] == SENTENCE


def test_a_pause_parts_two_segments_with_their_times(server):
    first, rate = speak(SENTENCE)
    second, _ = speak(OTHER_SENTENCE)
    output = scaffolds.infer(server, audio=as_input(np.concatenate([first, np.zeros(2 * rate), second]), rate))
    assert output["text"] == f"{SENTENCE} {OTHER_SENTENCE}"
    one, two = output["segments"]
    assert [one["text"], two["text"]] == [SENTENCE, OTHER_SENTENCE]
    spoken_s = len(first) / rate
    assert one["start_s"] < 0.5
    assert spoken_s - 0.5 < one["end_s"] < spoken_s + 1
    assert spoken_s + 1.5 < two["start_s"] < spoken_s + 2.5


def test_silence_and_an_empty_recording_say_nothing(server):
    for samples in (np.zeros(32_000), np.zeros(0)):
        assert scaffolds.infer(server, audio=as_input(samples, 16_000)) == {"text": "", "segments": []}


def test_the_answer_does_not_depend_on_the_call_before(server):
    samples, rate = speak(SENTENCE)
    before = scaffolds.infer(server, audio=as_input(samples, rate))
    scaffolds.infer(server, audio=as_input(np.random.default_rng(0).normal(0, 0.3, rate // 2).clip(-1, 1), rate))
    assert scaffolds.infer(server, audio=as_input(samples, rate)) == before


def test_its_test_request_prints_what_its_recording_says(server, folder, python):
    printed = scaffolds.run_test_request(folder, server, python)
    assert printed.splitlines()[0] == SENTENCE
