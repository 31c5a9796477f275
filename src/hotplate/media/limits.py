"""How large media may be once decoded. Every decoder checks these against the header first, then while it decodes."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from hotplate.errors import LimitExceeded, SettingError

_Number = TypeVar("_Number", int, float)

IMAGE_FORMATS: Final = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""Pillow's names of the formats that are opened by default. Others stay closed: each is one more parser in C."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaLimits:
    """What a decoded piece of media may measure.

    `max_pixels` is width x height of one picture or video frame; `max_frames` counts the pictures of an animation
    or a multi-page file; `max_decoded_bytes` is the size of the array that `to_numpy` may give.
    """

    max_pixels: int = 40_000_000
    max_frames: int = 256
    max_audio_s: float = 3600.0
    max_video_s: float = 600.0
    max_video_frames: int = 18_000
    max_decoded_bytes: int = 1 << 30
    image_formats: tuple[str, ...] = IMAGE_FORMATS

    @classmethod
    def from_env(cls) -> MediaLimits:
        """Read HOTPLATE_MAX_PIXELS, _MAX_FRAMES, _MAX_AUDIO_S, _MAX_VIDEO_S, _MAX_VIDEO_FRAMES, _MAX_DECODED_BYTES
        and HOTPLATE_IMAGE_FORMATS (names with commas). Raises SettingError for a value that is no positive number.
        """
        formats = os.environ.get("HOTPLATE_IMAGE_FORMATS", "")
        default = cls()
        return cls(
            max_pixels=env_number("HOTPLATE_MAX_PIXELS", default.max_pixels, int),
            max_frames=env_number("HOTPLATE_MAX_FRAMES", default.max_frames, int),
            max_audio_s=env_number("HOTPLATE_MAX_AUDIO_S", default.max_audio_s, float),
            max_video_s=env_number("HOTPLATE_MAX_VIDEO_S", default.max_video_s, float),
            max_video_frames=env_number("HOTPLATE_MAX_VIDEO_FRAMES", default.max_video_frames, int),
            max_decoded_bytes=env_number("HOTPLATE_MAX_DECODED_BYTES", default.max_decoded_bytes, int),
            image_formats=tuple(f.strip().upper() for f in formats.split(",") if f.strip()) or IMAGE_FORMATS,
        )

    def check_pixels(self, width: int, height: int, what: str) -> None:
        """Raise LimitExceeded when one picture of this size is too large."""
        if width * height > self.max_pixels:
            raise LimitExceeded(
                f"The {what} measures {width} x {height} pixels; the limit is {self.max_pixels:,} pixels. "
                "Send a smaller one, or raise HOTPLATE_MAX_PIXELS."
            )

    def check_frames(self, frames: int, what: str) -> None:
        """Raise LimitExceeded when an animated or multi-page image has too many pictures."""
        if frames > self.max_frames:
            raise LimitExceeded(
                f"The {what} has more than {self.max_frames} frames. Send fewer, or raise HOTPLATE_MAX_FRAMES."
            )

    def check_decoded(self, size_bytes: int, what: str) -> None:
        """Raise LimitExceeded when the decoded array would be too large."""
        if size_bytes > self.max_decoded_bytes:
            raise LimitExceeded(
                f"The {what} takes more than {self.max_decoded_bytes:,} bytes once decoded. "
                "Send a shorter one, or raise HOTPLATE_MAX_DECODED_BYTES."
            )


_configured: MediaLimits | None = None


def configure(limits: MediaLimits | None) -> None:
    """Use these limits in this process; None goes back to the environment and the defaults."""
    global _configured
    _configured = limits


def current() -> MediaLimits:
    """The limits in force: those given to `configure`, else the environment's, else the defaults."""
    return _configured or MediaLimits.from_env()


def env_number(name: str, default: _Number, kind: Callable[[str], _Number]) -> _Number:
    """Read a positive number from the environment. Raises SettingError for anything else."""
    text = os.environ.get(name)
    if text is None or not text.strip():
        return default
    try:
        value = kind(text.replace("_", ""))
    except ValueError:
        value = kind("0")
    # `not >` also turns away NaN
    if not value > 0:
        raise SettingError(
            f"{name} is {text!r}, but must be a positive number.",
            key=name,
            source=f"environment variable {name}",
            hint=f"Unset it to get the default, {default}.",
        )
    return value
