"""Room for large bodies: in the arena, beside it, and not at all; what is given back is there again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hotplate.server.memory import Memory, Place, SpillPlace
from hotplate.wire.arena import ARENA_BYTES, open_spill

MIB = 1 << 20


@pytest.fixture
def memory() -> Iterator[Memory]:
    made = Memory(limit=200 * MIB)
    yield made
    made.close()


def test_what_does_not_fit_into_the_arena_spills_and_can_be_read_elsewhere(memory: Memory) -> None:
    first = memory.allocate(ARENA_BYTES - 64 * 1024)
    second = memory.allocate(MIB)
    assert isinstance(first, Place)
    assert isinstance(second, SpillPlace)
    second.view[:5] = b"hello"
    second.view[-3:] = b"end"
    pid = os.fork()
    if pid == 0:
        data = open_spill(second.path)
        os._exit(data[:5] != b"hello" or data[-3:] != b"end" or len(data) != MIB)
    assert os.waitpid(pid, 0)[1] == 0
    second.free()
    first.free()
    assert memory.held == 0


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="only Linux has files without names")
def test_a_spilled_body_has_no_name_on_any_disk(memory: Memory) -> None:
    memory.allocate(ARENA_BYTES - 64 * 1024)
    shared = {path.name for path in Path("/dev/shm").iterdir()}
    before = len(os.listdir("/proc/self/fd"))
    spilled = memory.allocate(MIB)
    assert isinstance(spilled, SpillPlace)
    assert spilled.path.startswith(f"/proc/{os.getpid()}/fd/")
    assert {path.name for path in Path("/dev/shm").iterdir()} <= shared
    assert len(os.listdir("/proc/self/fd")) > before
    spilled.free()
    spilled.free()
    assert len(os.listdir("/proc/self/fd")) == before


def test_all_of_it_together_is_limited(memory: Memory) -> None:
    held = [memory.allocate(60 * MIB) for _ in range(3)]
    with pytest.raises(OSError):
        memory.allocate(60 * MIB)
    assert memory.held == 180 * MIB
    held.pop().free()
    memory.allocate(60 * MIB).free()
    for place in held:
        place.free()
    assert memory.held == 0


def test_one_body_alone_is_let_in_whatever_its_size(memory: Memory) -> None:
    place = memory.allocate(201 * MIB)
    with pytest.raises(OSError):
        memory.allocate(1)
    place.free()
    assert memory.held == 0


@pytest.mark.parametrize("spilled", [False, True])
def test_room_grows_and_shrinks_with_its_bytes_in_it(memory: Memory, spilled: bool) -> None:
    filler = memory.allocate(ARENA_BYTES - 64 * 1024) if spilled else memory.allocate(100)
    place = memory.allocate(100_000)
    assert isinstance(place, SpillPlace if spilled else Place)
    data = bytes(range(250)) * 400
    place.view[:] = data
    place.resize(1_000_000)
    assert len(place.view) == 1_000_000
    assert bytes(place.view[:100_000]) == data
    other = memory.allocate(20_000)
    place.resize(2_000_000)  # in the arena, another body lies behind it now
    assert bytes(place.view[:100_000]) == data
    place.view[-1:] = b"x"
    place.resize(50_000)
    assert bytes(place.view) == data[:50_000]
    assert memory.held == 50_000 + 20_000 + (ARENA_BYTES - 64 * 1024 if spilled else 100)
    for held in (place, other, filler):
        held.free()
    assert memory.arena.idle
    assert memory.held == 0


def test_growth_past_the_limit_is_refused_and_changes_nothing(memory: Memory) -> None:
    first, second = memory.allocate(MIB), memory.allocate(MIB)
    second.view[:4] = b"kept"
    with pytest.raises(OSError):
        second.resize(201 * MIB)
    with pytest.raises(OSError):
        second.resize(ARENA_BYTES)  # within the limit, but the arena has no such room
    assert bytes(second.view[:4]) == b"kept"
    first.free()
    second.free()
    assert memory.held == 0
    assert memory.arena.idle
