"""What importing the client costs, and what it exports."""

from __future__ import annotations

import subprocess
import sys

import pytest

import hotplate.client

HEAVY = ("httpx", "pydantic", "numpy", "yaml", "asyncio", "uvloop", "msgspec")


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ("import hotplate.client", set()),
        ("from hotplate.client import ClientError", set()),
        ("from hotplate import Client; Client(token='x')", {"httpx", "asyncio"}),
        ("import octoai, octoai.errors", set()),
        ("from octoai.client import OctoAI; OctoAI('x')", {"httpx", "asyncio"}),
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(statement: str, allowed: set[str]) -> None:
    code = f"import sys; {statement}; print(*sorted(set({HEAVY}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= allowed


def test_every_exported_name_is_there() -> None:
    assert hotplate.client.__all__ == sorted(hotplate.client.__all__)
    assert dir(hotplate.client) == hotplate.client.__all__
    for name in hotplate.client.__all__:
        assert getattr(hotplate.client, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        hotplate.client.nothing  # noqa: B018


def test_every_error_has_a_code_of_its_own() -> None:
    errors = [getattr(hotplate.client, name) for name in hotplate.client.__all__]
    codes = [kind.code for kind in errors if isinstance(kind, type) and issubclass(kind, hotplate.client.ClientError)]
    assert len(codes) == 14
    assert len(set(codes)) == len(codes)
