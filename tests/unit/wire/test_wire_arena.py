"""The arena's free list: what is reserved never overlaps, and what is given back is there again."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotplate.wire.arena import CONTROL_BYTES, GRAIN_BYTES, Arena, make_arena_file

SIZE = CONTROL_BYTES + 16 * GRAIN_BYTES


@pytest.fixture
def arena() -> Iterator[Arena]:
    fd = make_arena_file(SIZE)
    made = Arena(fd)
    yield made
    made.close()
    os.close(fd)


@given(st.lists(st.tuples(st.integers(1, 5 * GRAIN_BYTES), st.integers(0, 10)), max_size=60))
def test_places_never_overlap_and_come_back(steps: list[tuple[int, int]]) -> None:
    fd = make_arena_file(SIZE)
    arena = Arena(fd)
    held: list[tuple[int, int]] = []
    for length, choice in steps:
        if choice < 4 and held:
            arena.release(*held.pop(choice % len(held)))
        offset = arena.allocate(length)
        if offset is None:
            continue
        assert offset >= CONTROL_BYTES
        assert offset + length <= SIZE
        for other, room in held:
            assert offset + length <= other or other + room <= offset
        held.append((offset, length))
        assert not arena.idle
    for place in held:
        arena.release(*place)
    assert arena.idle
    assert arena.allocate(SIZE - CONTROL_BYTES) == CONTROL_BYTES, "the room came back in pieces"
    arena.close()
    os.close(fd)


def test_a_full_arena_says_so(arena: Arena) -> None:
    places = [arena.allocate(GRAIN_BYTES) for _ in range(16)]
    assert None not in places
    assert arena.allocate(1) is None
    arena.release(places[3] or 0, GRAIN_BYTES)
    assert arena.allocate(GRAIN_BYTES + 1) is None
    assert arena.allocate(GRAIN_BYTES) == places[3]


def test_trim_gives_memory_back_only_when_nothing_is_held(arena: Arena) -> None:
    offset = arena.allocate(4 * GRAIN_BYTES)
    assert offset is not None
    arena.view[offset : offset + 4 * GRAIN_BYTES] = b"x" * (4 * GRAIN_BYTES)
    arena.trim()
    assert arena.view[offset] == ord("x")
    arena.release(offset, 4 * GRAIN_BYTES)
    arena.trim()
    assert arena.view[offset] == 0
    assert arena.view[:4] == bytes(4)


def test_the_first_page_is_kept_by_a_trim(arena: Arena) -> None:
    arena.view[:4] = b"mark"
    arena.release(arena.allocate(1) or 0, 1)
    arena.trim()
    assert arena.view[:4] == b"mark"
