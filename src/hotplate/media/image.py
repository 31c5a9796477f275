"""Pictures, by way of Pillow."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any, ClassVar, Self

from hotplate.errors import BlockedURL, FetchFailed, InvalidInput, InvalidMedia, LimitExceeded
from hotplate.media import limits as media_limits
from hotplate.media.base import Media
from hotplate.media.extras import extra
from hotplate.media.headers import CHECKS
from hotplate.media.limits import MediaLimits
from hotplate.media.sniff import IMAGE_TYPES, SNIFF_BYTES, sniff

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage


class Image(Media):
    """An image: base64 text, or a URL where it can be downloaded."""

    types: ClassVar[frozenset[str]] = IMAGE_TYPES

    @classmethod
    def from_pil(cls, image_pil: PillowImage, format: str = "JPEG") -> Self:  # noqa: A002 - OctoAI's name
        """Make an image file of a Pillow image. `format` is Pillow's name of the file format.

        Raises what Pillow raises where the format cannot hold the image: OSError for RGBA as JPEG.
        """
        buffer = BytesIO()
        image_pil.save(buffer, format=format)
        return cls.from_bytes(buffer.getvalue())

    def to_pil(self) -> PillowImage:
        """Decode into a Pillow image, with `format`, `info` and, for animations, `seek` as Pillow gives them.

        Checked before a pixel is decoded: the format is one of the allowed, and pixels and frames are within the
        limits. The first frame is decoded here, so that a damaged file is reported as the caller's mistake and not
        as an error in the model. Raises InvalidMedia, LimitExceeded, and what `to_bytes` raises.
        """
        pillow = extra("PIL.Image")
        raw, limits = self.to_bytes(), media_limits.current()
        check = CHECKS.get(sniff(raw[:SNIFF_BYTES]) or "")
        if check is not None:
            check(raw, limits)
        with _reading(pillow, limits):
            image: PillowImage = pillow.open(BytesIO(raw), formats=limits.image_formats)
            frames: int = getattr(image, "n_frames", 1)
        limits.check_pixels(image.width, image.height, "image")
        limits.check_frames(frames, "image")
        with _reading(pillow, limits):
            image.load()
        return image

    def is_valid(self) -> bool:
        """Say whether `to_pil` gives an image: False for data that is none, is over a limit, or cannot be had."""
        try:
            self.to_pil()
        except (InvalidInput, BlockedURL, FetchFailed):
            return False
        return True


@contextmanager
def _reading(pillow: Any, limits: MediaLimits) -> Generator[None]:
    """Report what Pillow says of a caller's file as an error of the caller's."""
    try:
        yield
    except (pillow.DecompressionBombError, pillow.DecompressionBombWarning):
        raise LimitExceeded(
            f"The image has more pixels than are allowed here ({limits.max_pixels:,}, or fewer by "
            "PIL.Image.MAX_IMAGE_PIXELS). Send a smaller one."
        ) from None
    except Exception as error:  # Pillow's readers raise nearly anything on damaged files
        raise InvalidMedia(
            f"The data is not an image that can be read. Send one of: {', '.join(limits.image_formats)}."
        ) from error
