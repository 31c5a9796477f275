"""Image, Audio, Video and File: media as a model's inputs and outputs.

Importing this brings in pydantic, and nothing heavier: Pillow, numpy, soundfile, PyAV and the network code are
loaded by the methods that need them.
"""

from hotplate.media.audio import Audio
from hotplate.media.base import Media
from hotplate.media.file import File
from hotplate.media.held import MediaUrl
from hotplate.media.image import Image
from hotplate.media.video import Video

__all__ = ["Audio", "File", "Image", "Media", "MediaUrl", "Video"]
