"""Reads frame counts and sizes out of the formats whose headers Pillow would only reveal by decoding or allocating.

Everything here walks bytes with a bounded number of steps; no pixel is decoded.
"""

from __future__ import annotations

import struct
from typing import Final

from hotplate.errors import InvalidMedia, LimitExceeded
from hotplate.media.limits import MediaLimits

_MAX_GIF_BLOCKS: Final = 2_000_000
"""About 500 MB in blocks of the usual 255 bytes; files of tiny blocks reach it sooner, and cost 0.2 s at most."""


def check_gif(raw: bytes, limits: MediaLimits) -> None:
    """Check a GIF's frames and the canvas that they span. Pillow counts frames only by walking them all.

    Layout: GIF89a specification, sections 18 to 27.
    """
    if len(raw) < 13:
        raise InvalidMedia("The image ends inside its GIF header.")
    width, height = struct.unpack_from("<HH", raw, 6)
    position = 13 + _colour_table_bytes(raw[10])
    frames = steps = 0
    try:
        while position < len(raw) and raw[position] != 0x3B:
            introducer = raw[position]
            position += 1
            if introducer == 0x2C:
                frames += 1
                limits.check_frames(frames, "GIF")
                x, y, w, h, flags = struct.unpack_from("<HHHHB", raw, position)
                # a frame that sticks out makes Pillow enlarge the canvas
                width, height = max(width, x + w), max(height, y + h)
                position += 10 + _colour_table_bytes(flags)
            elif introducer == 0x21:
                position += 1
            else:
                steps += 1
                continue
            while raw[position]:
                position += raw[position] + 1
                steps += 1
                if steps > _MAX_GIF_BLOCKS:
                    raise LimitExceeded(f"The GIF has more than {_MAX_GIF_BLOCKS:,} blocks. Save it again.")
            position += 1
    except (IndexError, struct.error):
        # a GIF that ends early: what is there has been counted, and the decoder says whether it is usable
        pass
    limits.check_pixels(width, height, "GIF")


def _colour_table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def check_tiff(raw: bytes, limits: MediaLimits) -> None:
    """Check the number and the size of a TIFF's pages: each has a size of its own, so that a tiny first page proves
    nothing of the others. Layout: TIFF 6.0, section 2, and the BigTIFF design.
    """
    order = "<" if raw[:2] == b"II" else ">"
    try:
        big = struct.unpack_from(order + "H", raw, 2)[0] == 43
        word, entry = (order + "Q", order + "HHQ8s") if big else (order + "I", order + "HHI4s")
        count_format = order + ("Q" if big else "H")
        offset = struct.unpack_from(word, raw, 8 if big else 4)[0]
        seen: set[int] = set()
        while offset and offset not in seen:
            seen.add(offset)
            limits.check_frames(len(seen), "TIFF")
            (entries,) = struct.unpack_from(count_format, raw, offset)
            start = offset + struct.calcsize(count_format)
            end = start + entries * struct.calcsize(entry)
            if end > len(raw):
                raise InvalidMedia("The TIFF image ends inside a directory.")
            sizes = {256: 0, 257: 0}
            for tag, kind, _, value in struct.iter_unpack(entry, memoryview(raw)[start:end]):
                if tag in sizes:
                    sizes[tag] = max(sizes[tag], _tiff_number(kind, value, order))
            limits.check_pixels(sizes[256], sizes[257], "TIFF")
            offset = struct.unpack_from(word, raw, end)[0] if end + struct.calcsize(word) <= len(raw) else 0
    except struct.error:
        raise InvalidMedia("The TIFF image ends inside its header.") from None


def _tiff_number(kind: int, value: bytes, order: str) -> int:
    code = {1: "B", 3: "H", 4: "I", 16: "Q"}.get(kind)
    if code is None or struct.calcsize(code) > len(value):
        # sizes of a stranger type would be read by the decoder, but not by this check
        raise InvalidMedia("The TIFF image gives its size as a number of an unusual type.")
    return int(struct.unpack_from(order + code, value)[0])


def check_webp(raw: bytes, limits: MediaLimits) -> None:
    """Check a WebP's canvas. Pillow's decoder takes memory for two canvases as soon as the file is opened.

    Layout: RFC 9649, sections 2.5 to 2.7; RFC 6386, section 9.1.
    """
    head = raw[:30].ljust(30, b"\0")
    kind = head[12:16]
    if kind == b"VP8X":
        width = int.from_bytes(head[24:27], "little") + 1
        height = int.from_bytes(head[27:30], "little") + 1
    elif kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (number & 0x3FFF for number in struct.unpack_from("<HH", head, 26))
    limits.check_pixels(width, height, "WebP")


CHECKS: Final = {"image/gif": check_gif, "image/tiff": check_tiff, "image/webp": check_webp}
"""By content type: what to check before Pillow sees the bytes."""
