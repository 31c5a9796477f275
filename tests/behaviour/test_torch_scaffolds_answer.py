"""The flan-t5 and wav2vec scaffolds load models as they come from the Hugging Face Hub, and answer.

The models are tiny ones made here (`tiny_models.py`): small enough to learn their two answers by heart in seconds.
"""

from __future__ import annotations

import base64
import io
import subprocess

import numpy as np
import pytest
import soundfile

from tests import scaffolds
from tests.support.tiny_answers import ANSWERS, RATE, WORDS

pytestmark = [pytest.mark.torch, pytest.mark.timeout(1800)]  # the first run installs torch

OFFLINE = {"HF_HUB_OFFLINE": "1"}


@pytest.fixture(scope="module")
def python():
    return scaffolds.environment("torch", ("flan-t5", "wav2vec"), with_pip=["torch==2.13.0"])


@pytest.fixture(scope="module")
def models(python, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    maker = scaffolds.ROOT / "tests/support/tiny_models.py"
    made = subprocess.run([python, maker, folder], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="module")
def flan_t5(python, models, tmp_path_factory):
    folder = scaffolds.project("flan-t5", tmp_path_factory.mktemp("project"))
    with scaffolds.served(folder, python, {**OFFLINE, "FLAN_T5_MODEL": str(models / "flan-t5")}) as server:
        yield folder, server


@pytest.fixture(scope="module")
def wav2vec(python, models, tmp_path_factory):
    folder = scaffolds.project("wav2vec", tmp_path_factory.mktemp("project"))
    with scaffolds.served(folder, python, {**OFFLINE, "WAV2VEC_MODEL": str(models / "wav2vec")}) as server:
        yield folder, server


def tone(hertz: int, rate: int, channels: int, kind: str) -> dict[str, str]:
    """Give half a second of a tone as an input."""
    wave = np.sin(2 * np.pi * hertz * np.arange(rate // 2) / rate)
    buffer = io.BytesIO()
    soundfile.write(buffer, np.stack([0.5 * wave] * channels, axis=1), rate, format=kind)
    return {"data": base64.b64encode(buffer.getvalue()).decode()}


@pytest.mark.parametrize(("prompt", "answer"), ANSWERS.items())
def test_flan_t5_answers_a_prompt(flan_t5, prompt, answer):
    _, server = flan_t5
    assert scaffolds.infer(server, prompt=prompt) == answer


def test_flan_t5s_test_request_prints_the_answer(flan_t5, python):
    folder, server = flan_t5
    printed = scaffolds.run_test_request(folder, server, python)
    assert ANSWERS["What country is California in?"] in printed


@pytest.mark.parametrize(("hertz", "word"), WORDS.items())
@pytest.mark.parametrize(("rate", "channels", "kind"), [(RATE, 1, "WAV"), (44_100, 2, "FLAC")])
def test_wav2vec_writes_down_what_it_hears(wav2vec, hertz, word, rate, channels, kind):
    _, server = wav2vec
    assert scaffolds.infer(server, audio=tone(hertz, rate, channels, kind)) == word


def test_wav2vecs_test_request_prints_what_the_model_makes_of_its_recording(wav2vec, python):
    folder, server = wav2vec
    printed = scaffolds.run_test_request(folder, server, python)
    assert set(printed.strip()) <= set("".join(WORDS.values()))
