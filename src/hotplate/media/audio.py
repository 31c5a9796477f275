"""Sound, by way of soundfile (libsndfile)."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Self

from hotplate.errors import BlockedURL, FetchFailed, InvalidInput, InvalidMedia, LimitExceeded
from hotplate.media import limits as media_limits
from hotplate.media.base import Media
from hotplate.media.extras import extra
from hotplate.media.limits import MediaLimits
from hotplate.media.sniff import AUDIO_TYPES, SNIFF_BYTES, sniff

if TYPE_CHECKING:
    import numpy.typing as npt

# What libsndfile reads, less the formats that only it knows: each is one more parser in C.
_READABLE: Final = AUDIO_TYPES - {"audio/mp4"}
_BLOCK_FRAMES: Final = 1 << 16
_UNKNOWN_FRAMES: Final = 1 << 62
_SAMPLE_BYTES: Final = {"float64": 8, "float32": 4, "int32": 4, "int16": 2}

SampleType = Literal["float64", "float32", "int32", "int16"]


class Audio(Media):
    """Audio: base64 text, or a URL where it can be downloaded."""

    types: ClassVar[frozenset[str]] = AUDIO_TYPES

    @classmethod
    def from_numpy(cls, data: npt.ArrayLike, sample_rate: int, format: str = "WAV") -> Self:  # noqa: A002 - OctoAI's
        """Make an audio file of samples, shape (frames,) or (frames, channels). `sample_rate` is in Hz; `format` is
        soundfile's name of the file format.
        """
        buffer = BytesIO()
        extra("soundfile").write(buffer, data, samplerate=sample_rate, format=format)
        return cls.from_bytes(buffer.getvalue())

    def to_numpy(self, dtype: SampleType = "float64") -> tuple[npt.NDArray[Any], int]:
        """Decode into (samples, sample rate in Hz). Samples have shape (frames,) for one channel, else
        (frames, channels); floats lie between -1 and 1.

        Length and size are checked against the header before anything is decoded, and again while decoding, since
        headers lie. Raises InvalidMedia, LimitExceeded, and what `to_bytes` raises.
        """
        soundfile = extra("soundfile")
        raw = self.to_bytes()
        if sniff(raw[:SNIFF_BYTES]) not in _READABLE:
            raise InvalidMedia("The data is not audio that can be read. Send WAV, FLAC, Ogg, MP3, AIFF, AU or CAF.")
        try:
            with _reader(soundfile)(_Bounded(raw)) as sound:
                return _read(sound, dtype, media_limits.current()), sound.samplerate
        except (soundfile.SoundFileError, ValueError, RuntimeError, MemoryError) as error:
            if isinstance(error, InvalidInput):
                raise
            raise InvalidMedia("The audio is damaged and cannot be read. Save it again, or send another.") from error

    def is_valid(self) -> bool:
        """Say whether `to_numpy` gives samples: False for data that is no audio, is over a limit, or cannot be had."""
        try:
            self.to_numpy()
        except (InvalidInput, BlockedURL, FetchFailed):
            return False
        return True


class _Bounded(BytesIO):
    """Bytes for libsndfile, which a damaged header sends to places before their beginning.

    It is called back from C, where no exception can go on: each would be printed with its traceback.
    """

    def seek(self, offset: int, whence: int = 0, /) -> int:
        try:
            return super().seek(offset, whence)
        except (ValueError, OverflowError):
            return self.tell()


@cache
def _reader(soundfile: Any) -> Any:
    """soundfile's reader without its seek after each read, which fails where the file ends before its header says."""

    class ForwardReader(soundfile.SoundFile):
        def seekable(self) -> bool:
            return False

    return ForwardReader


def _read(sound: Any, dtype: SampleType, limits: MediaLimits) -> npt.NDArray[Any]:
    frame_bytes = sound.channels * _SAMPLE_BYTES[dtype]

    def check(frames: int) -> None:
        if frames > limits.max_audio_s * sound.samplerate:
            raise LimitExceeded(
                f"The audio is longer than {limits.max_audio_s:g} s. Send a shorter one, or raise HOTPLATE_MAX_AUDIO_S."
            )
        limits.check_decoded(frames * frame_bytes, "audio")

    if sound.frames < _UNKNOWN_FRAMES:
        check(sound.frames)
        # memory for the frames that the header claims becomes real only where samples are written
        samples = sound.read(sound.frames, dtype=dtype)
        return samples if len(samples) * 2 > sound.frames else samples.copy()
    # a stream written without knowing its length
    blocks: list[npt.NDArray[Any]] = []
    frames = 0
    while len(block := sound.read(_BLOCK_FRAMES, dtype=dtype)):
        frames += len(block)
        check(frames)
        blocks.append(block)
    return extra("numpy").concatenate(blocks) if blocks else sound.read(0, dtype=dtype)
