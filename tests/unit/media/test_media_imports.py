"""What importing media brings in, measured in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ["PIL", "numpy", "soundfile", "av", "ssl", "http.client", "hotplate.media.fetch", "asyncio", "httpx"]


def loaded(program: str) -> list[str]:
    check = f"\nimport sys; sys.stdout.write(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program + check], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    "program",
    [
        "import hotplate.media",
        "from hotplate import Audio, File, Image, Video",
        "from hotplate.media import Image; i = Image.from_wire({'data': 'aGk='}); i.to_bytes(); i.to_wire()",
        "from hotplate.media import File; File.from_bytes(b'x').read(); File.from_url('https://a.example/').model_dump()",
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_used(program: str) -> None:
    assert loaded(program) == []


def test_the_check_sees_what_is_loaded() -> None:
    assert loaded("import hotplate.media.fetch") == ["ssl", "hotplate.media.fetch"]
