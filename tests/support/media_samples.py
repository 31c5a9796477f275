"""Small media files and bombs, written byte by byte where a library would not make them."""

from __future__ import annotations

import io
import struct
import zlib

import PIL.Image


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def flat_png(width: int, height: int, bits: int = 1, rows: int | None = None) -> bytes:
    """A black greyscale PNG, compressed row by row: 13000 x 13000 at 1 bit is 20 KB."""
    packer = zlib.compressobj(9)
    row = bytes(1 + (width * bits + 7) // 8)
    data = b"".join(packer.compress(row) for _ in range(height if rows is None else rows)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")


def animation(kind: str, frames: int, size: tuple[int, int] = (2, 2)) -> bytes:
    """An animation whose frames all differ, so that no writer joins them."""
    pictures = [PIL.Image.new("RGB", size, (n % 256, n // 256, 255)) for n in range(frames)]
    buffer = io.BytesIO()
    exact = {"lossless": True} if kind == "WEBP" else {}
    pictures[0].save(buffer, kind, save_all=True, append_images=pictures[1:], **exact)
    return buffer.getvalue()


def tiff(*pages: tuple[int, int], loop: bool = False, kind: int = 4, order: str = "<", big: bool = False) -> bytes:
    """A TIFF of pages without pixels, one directory each; with `loop` the last leads to the first."""
    out = bytearray((b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42))
    out += struct.pack(order + "HHQ", 8, 0, 16) if big else struct.pack(order + "I", 8)
    entry, count, word = (order + "HHQ", order + "Q", order + "Q") if big else (order + "HHI", order + "H", order + "I")
    first = len(out)
    for number, (width, height) in enumerate(pages):
        tags = b""
        for tag, value in ((256, width), (257, height)):
            number_bytes = struct.pack(order + {3: "H", 4: "I", 5: "I", 16: "Q"}[kind], value)
            tags += struct.pack(entry, tag, kind, 1) + number_bytes.ljust(8 if big else 4, b"\0")
        directory = struct.pack(count, 2) + tags
        following = len(out) + len(directory) + struct.calcsize(word)
        last = number == len(pages) - 1
        out += directory + struct.pack(word, (first if loop else 0) if last else following)
    return bytes(out)


def wav(frames: int, claimed_bytes: int | None = None, rate: int = 16_000) -> bytes:
    """A silent 16-bit mono WAV whose header may claim more data than there is."""
    data = bytes(frames * 2)
    claimed = len(data) if claimed_bytes is None else claimed_bytes
    form = struct.pack("<HHIIHH", 1, 1, rate, rate * 2, 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", claimed) + data
    return b"RIFF" + struct.pack("<I", min(len(body) + claimed, 2**32 - 1)) + body


def flac_claiming(flac: bytes, samples: int) -> bytes:
    """The same FLAC with another number of samples in its STREAMINFO (36 bits, RFC 9639, 8.2)."""
    word = int.from_bytes(flac[18:26], "big") >> 36 << 36 | samples
    return flac[:18] + word.to_bytes(8, "big") + flac[26:]
