"""Moving pictures, by way of PyAV (FFmpeg)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Final, Self

from hotplate.errors import BlockedURL, FetchFailed, HotplateError, InvalidInput, InvalidMedia, LimitExceeded
from hotplate.media import limits as media_limits
from hotplate.media.base import Media
from hotplate.media.extras import extra
from hotplate.media.limits import MediaLimits
from hotplate.media.sniff import SNIFF_BYTES, VIDEO_TYPES, sniff

if TYPE_CHECKING:
    import numpy.typing as npt

# FFmpeg's demuxer for each type. It is named to FFmpeg, never left to its guess: its playlist formats (HLS, concat)
# open whatever files and URLs they list.
_DEMUXERS: Final = {
    "video/mp4": "mov",
    "video/quicktime": "mov",
    "video/webm": "matroska",
    "video/x-matroska": "matroska",
    "video/x-msvideo": "avi",
    "video/mpeg": "mpeg",
    "video/ogg": "ogg",
}
_CODECS: Final = frozenset(
    {"av1", "ffv1", "h263", "h264", "hevc", "mjpeg", "mpeg1video", "mpeg2video", "mpeg4", "prores", "theora"}
    | {"vp8", "vp9", "wmv2", "msmpeg4v2", "msmpeg4v3", "png", "rawvideo"}
)
_LAYOUTS: Final = {1: "gray", 3: "rgb24", 4: "rgba"}


class Video(Media):
    """Video: base64 text, or a URL where it can be downloaded."""

    types: ClassVar[frozenset[str]] = VIDEO_TYPES

    @classmethod
    def from_numpy(
        cls,
        video_frames: Iterable[npt.NDArray[Any]],
        codec: str = "libx264",
        pixel_format: str = "yuv420p",
        fps: float = 30,
    ) -> Self:
        """Make an MP4 of frames: uint8 arrays of shape (height, width, 3), or 4 with alpha, or (height, width).

        `codec` and `pixel_format` are FFmpeg's names. Raises ValueError for no frames, frames of different or odd
        size (yuv420p halves both sides), or another dtype.
        """
        av = extra("av")
        buffer = BytesIO()
        with av.open(buffer, "w", format="mp4") as container:
            stream, shape = None, None
            for array in video_frames:
                if stream is None:
                    shape = array.shape
                    _check_shape(shape, array.dtype, pixel_format)
                    rate = Fraction(fps).limit_denominator(60_000)
                    stream = container.add_stream(codec, rate=rate, pix_fmt=pixel_format)
                    stream.height, stream.width = shape[:2]
                elif array.shape != shape:
                    raise ValueError(f"All frames must have the shape of the first, {shape}; one has {array.shape}.")
                layout = _LAYOUTS[shape[2] if shape is not None and len(shape) == 3 else 1]
                container.mux(stream.encode(av.VideoFrame.from_ndarray(array, format=layout)))
            if stream is None:
                raise ValueError("There are no frames to make a video of.")
            container.mux(stream.encode(None))
        return cls.from_bytes(buffer.getvalue())

    def to_numpy(self) -> npt.NDArray[Any]:
        """Decode all frames into one uint8 array of shape (frames, height, width, 3), RGB.

        Size, duration and frames are checked against the header before a frame is decoded, and again while decoding.
        Raises InvalidMedia, LimitExceeded, and what `to_bytes` raises.
        """
        numpy, limits = extra("numpy"), media_limits.current()
        frames: Any = None
        count = 0
        for frame in _decode(BytesIO(self.to_bytes()), limits):
            limits.check_decoded((count + 1) * frame.nbytes, "video")
            if frames is None:
                frames = numpy.empty((16, *frame.shape), dtype=frame.dtype)
            elif count == len(frames):
                # in place where the allocator can: doubling by copy would need three times the memory
                frames.resize((count + max(16, count // 4), *frame.shape), refcheck=False)
            frames[count] = frame
            count += 1
        frames.resize((count, *frames.shape[1:]), refcheck=False)
        return frames

    def to_numpy_iterator(self) -> tuple[Iterator[npt.NDArray[Any]], str]:
        """Decode frame by frame: give (iterator of uint8 arrays of shape (height, width, 3), name of a temporary file).

        Delete the file when the iterator is no longer needed. The limits are checked as in `to_numpy`, except for
        the size of all frames together.
        """
        from tempfile import NamedTemporaryFile

        with NamedTemporaryFile(prefix="hotplate-", suffix=".mp4", delete=False) as file:
            file.write(self.to_bytes())
        return _decode_file(file.name, media_limits.current()), file.name

    def is_valid(self) -> bool:
        """Say whether this is a video within the limits whose first frame can be decoded."""
        try:
            next(_decode(BytesIO(self.to_bytes()), media_limits.current()))
        except (InvalidInput, BlockedURL, FetchFailed):
            return False
        return True


def _check_shape(shape: tuple[int, ...], dtype: Any, pixel_format: str) -> None:
    if str(dtype) != "uint8" or not (len(shape) == 2 or (len(shape) == 3 and shape[2] in _LAYOUTS)):
        raise ValueError(f"A frame must be uint8 of shape (height, width, 3), but is {dtype} of shape {shape}.")
    if pixel_format == "yuv420p" and (shape[0] % 2 or shape[1] % 2):
        raise ValueError(f"The pixel format yuv420p needs an even height and width, not {shape[0]} x {shape[1]}.")


def _decode_file(name: str, limits: MediaLimits) -> Iterator[npt.NDArray[Any]]:
    with open(name, "rb") as file:
        yield from _decode(file, limits)


def _decode(file: BinaryIO, limits: MediaLimits) -> Iterator[npt.NDArray[Any]]:
    """Yield at least one frame, or raise InvalidMedia or LimitExceeded."""
    av = extra("av")
    head = file.read(SNIFF_BYTES)
    file.seek(0)
    demuxer = _DEMUXERS.get(sniff(head) or "")
    if demuxer is None:
        raise InvalidMedia("The data is not a video that can be read. Send MP4, MOV, WebM, MKV, AVI, MPEG or Ogg.")
    try:
        with av.open(file, "r", format=demuxer, io_open=_refuse) as container:
            yield from _decode_stream(container, limits)
    except HotplateError:
        raise
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InvalidMedia("The video is damaged and cannot be read. Save it again, or send another.") from error


def _refuse(*_: object) -> Any:
    raise ValueError("a video may not refer to other files")


def _decode_stream(container: Any, limits: MediaLimits) -> Iterator[npt.NDArray[Any]]:
    if not container.streams.video:
        raise InvalidMedia("The file has no video in it.")
    stream = container.streams.video[0]
    context = stream.codec_context
    if context is None or context.codec.canonical_name not in _CODECS:
        raise InvalidMedia("The video's codec is not one that is read here. Send H.264, HEVC, VP8, VP9 or AV1.")
    limits.check_pixels(context.width, context.height, "video")
    # holds also where the size changes in mid-stream
    context.options = {"max_pixels": str(limits.max_pixels)}
    _check_length(stream.frames, float((container.duration or 0) / 1_000_000), limits)
    shape = None
    for count, frame in enumerate(container.decode(stream), start=1):
        _check_length(count, frame.time or 0.0, limits)
        array = frame.to_ndarray(format="rgb24")
        shape = shape or array.shape
        if array.shape != shape:
            raise InvalidMedia("The video changes its size on the way. Save it again with one size.")
        yield array
    if shape is None:
        raise InvalidMedia("The video has no frames.")


def _check_length(frames: int, duration_s: float, limits: MediaLimits) -> None:
    if frames > limits.max_video_frames:
        raise LimitExceeded(
            f"The video has more than {limits.max_video_frames:,} frames. "
            "Send a shorter one, or raise HOTPLATE_MAX_VIDEO_FRAMES."
        )
    if duration_s > limits.max_video_s:
        raise LimitExceeded(
            f"The video is longer than {limits.max_video_s:g} s. Send a shorter one, or raise HOTPLATE_MAX_VIDEO_S."
        )
