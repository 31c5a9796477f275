"""What of the wire is needed before msgspec is imported: the header, and a worker's first frame."""

from __future__ import annotations

import struct

HEADER = struct.Struct("<IIBBHIQ")
"""The header of every frame; its fields are described in wire/frames.py."""

PLACE = struct.Struct("<QQ")
"""How a frame names a body in an arena: offset and length."""

SPEC = 6
"""The first frame to a worker. Its body says what to load, as JSON."""


def spec_frame(spec: bytes) -> bytes:
    """The first frame to a worker."""
    return HEADER.pack(len(spec), 0, SPEC, 0, 0, 0, 0) + spec
