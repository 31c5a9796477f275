"""Speech to text: English speech in, its words and their times out. Runs offline."""

import numpy as np
import soxr
from pocketsphinx import Decoder, Endpointer
from pydantic import BaseModel

from hotplate import Audio, Service

SAMPLE_RATE = 16_000
"""What the model was trained on, in Hz. Telephone recordings (8 kHz) lack what it listens for and come out badly."""


class Segment(BaseModel):
    """What was said between two pauses. Times in seconds; `confidence`, a mean over the words, goes from 0 to 1."""

    text: str
    start_s: float
    end_s: float
    confidence: float


class Transcript(BaseModel):
    """All the words, and piece by piece."""

    text: str
    segments: list[Segment]


class SpeechToTextService(Service):
    """Recognises US English with PocketSphinx. The model and the dictionary come inside the pocketsphinx package."""

    def setup(self):
        """Load the model."""
        self.decoder = Decoder(samprate=SAMPLE_RATE, loglevel="FATAL")

    def infer(self, audio: Audio) -> Transcript:
        """Write down what is said in `audio`: any format, sample rate and number of channels."""
        segments = [self.recognise(*speech) for speech in utterances(mono_16khz(*audio.to_numpy()))]
        segments = [segment for segment in segments if segment.text]
        return Transcript(text=" ".join(segment.text for segment in segments), segments=segments)

    def recognise(self, pcm: bytes, start_s: float, end_s: float) -> Segment:
        """Write down one utterance."""
        # Without this the decoder would go on from the loudness of the call before, and answers would depend on it.
        self.decoder.reinit_feat()
        self.decoder.start_utt()
        self.decoder.process_raw(pcm, full_utt=True)
        self.decoder.end_utt()
        best = self.decoder.hyp()
        text = best.hypstr if best else ""
        # The decoder says how likely the whole sentence is, which falls with its length.
        confidence = best.prob ** (1 / len(text.split())) if text else 0.0
        return Segment(text=text, start_s=round(start_s, 2), end_s=round(end_s, 2), confidence=round(confidence, 4))


def mono_16khz(samples: np.ndarray, sample_rate: int) -> bytes:
    """Turn samples of shape (frames,) or (frames, channels), -1 to 1, into 16-bit PCM as the model wants it."""
    if samples.ndim == 2:
        samples = samples.mean(axis=1)
    samples = soxr.resample(samples, sample_rate, SAMPLE_RATE)
    return (samples.clip(-1, 1) * 32767).astype("<i2").tobytes()


def utterances(pcm: bytes):
    """Cut at the pauses: yield the sound, the start and the end (in seconds) of each stretch of speech."""
    listener = Endpointer(sample_rate=SAMPLE_RATE)
    speech = b""
    for start in range(0, len(pcm), listener.frame_bytes):
        frame = pcm[start : start + listener.frame_bytes]
        last = start + listener.frame_bytes >= len(pcm)
        speech += (listener.end_stream(frame) if last else listener.process(frame)) or b""
        if speech and not listener.in_speech:
            yield speech, listener.speech_start, listener.speech_end
            speech = b""
