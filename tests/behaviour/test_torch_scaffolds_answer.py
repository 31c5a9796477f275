"""The flan-t5 and wav2vec scaffolds load models as they come from the Hugging Face Hub, and answer.

The models are tiny ones made here (`tiny_models.py`): small enough to learn their two answers by heart in seconds.
"""

from __future__ import annotations

import base64
import io
import subprocess
from pathlib import Path

import numpy as np
import pytest
import scaffold_serving as scaffold
import soundfile
from tiny_answers import ANSWERS, RATE, WORDS

pytestmark = [pytest.mark.torch, pytest.mark.timeout(1800)]  # the first run installs torch

OFFLINE = {"HF_HUB_OFFLINE": "1"}


@pytest.fixture(scope="module")
def programs():
    requirements = [scaffold.SCAFFOLDS / name / "requirements.txt" for name in ("flan-t5", "wav2vec")]
    return scaffold.environment("torch", requirements, with_pip=["torch==2.13.0"])


@pytest.fixture(scope="module")
def models(programs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    maker = Path(__file__).with_name("tiny_models.py")
    made = subprocess.run([programs / "python", maker, folder], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="module")
def flan_t5(programs, models, tmp_path_factory):
    folder = scaffold.project("flan-t5", tmp_path_factory.mktemp("project"))
    with scaffold.served(folder, programs, {**OFFLINE, "FLAN_T5_MODEL": str(models / "flan-t5")}) as address:
        yield folder, address


@pytest.fixture(scope="module")
def wav2vec(programs, models, tmp_path_factory):
    folder = scaffold.project("wav2vec", tmp_path_factory.mktemp("project"))
    with scaffold.served(folder, programs, {**OFFLINE, "WAV2VEC_MODEL": str(models / "wav2vec")}) as address:
        yield folder, address


def tone(hertz: int, rate: int, channels: int, kind: str) -> dict[str, str]:
    """Give half a second of a tone as an input."""
    wave = np.sin(2 * np.pi * hertz * np.arange(rate // 2) / rate)
    buffer = io.BytesIO()
    soundfile.write(buffer, np.stack([0.5 * wave] * channels, axis=1), rate, format=kind)
    return {"data": base64.b64encode(buffer.getvalue()).decode()}


@pytest.mark.parametrize(("prompt", "answer"), ANSWERS.items())
def test_flan_t5_answers_a_prompt(flan_t5, prompt, answer):
    _, endpoint = flan_t5
    assert scaffold.infer(endpoint, prompt=prompt) == answer


def test_flan_t5s_test_request_prints_the_answer(flan_t5, programs):
    folder, endpoint = flan_t5
    done = subprocess.run(
        [programs / "python", "test_request.py", "--endpoint", endpoint], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert ANSWERS["What country is California in?"] in done.stdout


@pytest.mark.parametrize(("hertz", "word"), WORDS.items())
@pytest.mark.parametrize(("rate", "channels", "kind"), [(RATE, 1, "WAV"), (44_100, 2, "FLAC")])
def test_wav2vec_writes_down_what_it_hears(wav2vec, hertz, word, rate, channels, kind):
    _, endpoint = wav2vec
    assert scaffold.infer(endpoint, audio=tone(hertz, rate, channels, kind)) == word


def test_wav2vecs_test_request_prints_what_the_model_makes_of_its_recording(wav2vec, programs):
    folder, endpoint = wav2vec
    done = subprocess.run(
        [programs / "python", "test_request.py", "--endpoint", endpoint], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.strip()) <= set("".join(WORDS.values()))
