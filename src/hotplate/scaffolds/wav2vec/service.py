"""Wav2Vec 2.0: English speech in, text out. A speech recogniser from Hugging Face."""

import os

import soxr
import torch
from transformers import Wav2Vec2ForCTC, Wav2Vec2Processor

from hotplate import Audio, Service

MODEL = os.environ.get("WAV2VEC_MODEL", "facebook/wav2vec2-base-960h")
"""A name on the Hugging Face Hub or a folder."""


class Wav2VecService(Service):
    """Recognises speech with Wav2Vec 2.0 (Baevski et al. 2020, arXiv:2006.11477)."""

    # Uncomment this to have the weights downloaded once, when the endpoint is deployed, into its volume; then no
    # replica waits for the download.
    # def store_assets(self):
    #     """Download the weights."""
    #     self.setup()

    def setup(self):
        """Download the weights, unless they are here already, and load them."""
        self.processor = Wav2Vec2Processor.from_pretrained(MODEL)
        self.model = Wav2Vec2ForCTC.from_pretrained(MODEL).eval()

    def infer(self, audio: Audio) -> str:
        """Write down what is said in `audio`: any format, sample rate and number of channels."""
        samples, sample_rate = audio.to_numpy()
        if samples.ndim == 2:
            samples = samples.mean(axis=1)
        wanted = self.processor.feature_extractor.sampling_rate
        samples = soxr.resample(samples, sample_rate, wanted)
        inputs = self.processor(samples, sampling_rate=wanted, return_tensors="pt")
        with torch.inference_mode():
            logits = self.model(inputs.input_values).logits
        return self.processor.batch_decode(logits.argmax(dim=-1))[0]
