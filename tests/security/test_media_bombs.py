"""Media that is small on the wire and huge once decoded is refused, and costs no memory to refuse.

They are opened in another process, whose peak memory is read from the kernel: the decoders allocate in C, where
Python's own accounting does not see it. With Pillow's limit alone the first picture reaches 822 MB.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
from media_samples import animation, flac_claiming, flat_png, png_chunk, tiff, wav

MEBIBYTE = 1 << 20

PROGRAM = """
import json, sys
from pathlib import Path
import PIL.Image, soundfile, numpy
PIL.Image.init()
from hotplate.errors import HotplateError
from hotplate.media import Audio, Image

def peak():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024

outcomes = {}
for path in sorted(Path(sys.argv[1]).iterdir()):
    raw = path.read_bytes()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from what is used now
    before = peak()
    try:
        if path.name.startswith("image"):
            Image.from_bytes(raw).to_pil().convert("RGB")
        else:
            Audio.from_bytes(raw).to_numpy()
        outcome = "decoded"
    except HotplateError as error:
        outcome = f"{error.code}: {error.message}"
    outcomes[path.name] = (peak() - before, outcome)
sys.stdout.write(json.dumps(outcomes))
"""

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peak memory is read from /proc"),
    pytest.mark.xdist_group("bombs"),  # made once
]


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """For each bomb: (bytes that the peak grew by, outcome)."""
    folder = tmp_path_factory.mktemp("bombs")
    for kind, bombs in (("image", IMAGES), ("audio", AUDIO)):
        for name, (make, _, _) in bombs.items():
            raw = make()
            assert len(raw) < MEBIBYTE
            (folder / f"{kind} {name}").write_bytes(raw)
    program = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(folder)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def animated_png_claiming(frames: int) -> bytes:
    raw = animation("PNG", 2)
    at = raw.index(b"acTL")
    return raw[: at - 4] + png_chunk(b"acTL", frames.to_bytes(4, "big") + bytes(4)) + raw[at + 16 :]


@cache
def silent_flac(seconds: int) -> bytes:
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", 8000, 1, format="FLAC") as file:
        for _ in range(seconds // 60):
            file.write(np.zeros(8000 * 60, np.int16))
    return buffer.getvalue()


def png_with_text(text: bytes) -> bytes:
    raw = flat_png(1, 1)
    return raw[:33] + png_chunk(b"zTXt", b"key\0\0" + zlib.compress(text, 9)) + raw[33:]


FEW = 16 * MEBIBYTE
Bombs = dict[str, tuple[Callable[[], bytes], str, int]]
"""What makes it, what the error says, what the peak may grow by."""

IMAGES: Bombs = {
    "13000 x 13000 at one bit": (lambda: flat_png(13_000, 13_000), "13000 x 13000 pixels", FEW),
    "one line over the limit": (lambda: flat_png(8000, 5001, 8), "8000 x 5001 pixels", FEW),
    "a long thin line": (lambda: flat_png(1, 40_000_001, rows=0), "1 x 40000001 pixels", FEW),
    "over Pillow's own limit": (lambda: flat_png(30_000, 30_000, rows=0), "more pixels than are allowed", FEW),
    "GIF with 300 frames": (lambda: animation("GIF", 300), "more than 256 frames", FEW),
    "APNG with 300 frames": (lambda: animation("PNG", 300), "more than 256 frames", FEW),
    "APNG that claims a million": (lambda: animated_png_claiming(1_000_000), "more than 256 frames", FEW),
    "WebP with 300 frames": (lambda: animation("WEBP", 300), "more than 256 frames", FEW),
    "TIFF with 300 pages": (lambda: tiff(*[(1, 1)] * 300), "more than 256 frames", FEW),
    "TIFF with a huge second page": (lambda: tiff((1, 1), (60_000, 60_000)), "60000 x 60000 pixels", FEW),
    "WebP with a huge canvas": (
        lambda: b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\x3f\0\xff\x3f\0",
        "16384 x 16384 pixels",
        FEW,
    ),
    "PNG with a text bomb": (lambda: png_with_text(bytes(80 * MEBIBYTE)), "not an image that can be read", FEW),
    "one pixel": (lambda: flat_png(1, 1), "decoded", FEW),
}
AUDIO: Bombs = {
    "two hours of silence": (lambda: silent_flac(7200), "longer than 3600 s", FEW),
    "FLAC that claims 2^36 samples": (lambda: flac_claiming(silent_flac(60), (1 << 36) - 1), "longer than 3600 s", FEW),
    # read up to the limit: an hour at 8 kHz is 220 MiB as float64
    "FLAC that does not say": (lambda: flac_claiming(silent_flac(7200), 0), "longer than 3600 s", 240 * MEBIBYTE),
    "FLAC that claims an hour": (lambda: flac_claiming(silent_flac(60), 8000 * 3599), "decoded", FEW),
    "WAV that claims 4 GB": (lambda: wav(1000, claimed_bytes=0xFFFFFF00), "decoded", FEW),
}


@pytest.mark.parametrize(("name", "told", "most"), [(name, told, most) for name, (_, told, most) in IMAGES.items()])
def test_image_bombs(refused: dict[str, tuple[int, str]], name: str, told: str, most: int) -> None:
    grown, outcome = refused[f"image {name}"]
    assert told in outcome
    assert grown < most


@pytest.mark.parametrize(("name", "told", "most"), [(name, told, most) for name, (_, told, most) in AUDIO.items()])
def test_audio_bombs(refused: dict[str, tuple[int, str]], name: str, told: str, most: int) -> None:
    grown, outcome = refused[f"audio {name}"]
    assert told in outcome
    assert grown < most


def test_the_measure_sees_what_is_decoded(refused: dict[str, tuple[int, str]]) -> None:
    assert refused["audio FLAC that does not say"][0] > 200 * MEBIBYTE
