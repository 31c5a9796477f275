"""Marks tell of calls that had not begun, and never of one that had."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hotplate.wire.marks import BYTES, PLACES, Marks, may_have_begun


def test_only_what_was_not_given_has_not_begun(tmp_path):
    marks = Marks(tmp_path / "marks")
    for call_id in (1, 2, 3, 5):
        marks.given(call_id)
    said = (tmp_path / "marks").read_bytes()
    assert [call_id for call_id in range(1, 8) if not may_have_begun(said, call_id)] == [4, 6, 7]


@given(st.lists(st.integers(1, 4 * PLACES), max_size=300), st.integers(1, 4 * PLACES))
def test_what_was_given_is_never_called_not_begun(tmp_path_factory, given_ids, other):
    path = tmp_path_factory.mktemp("marks") / "marks"
    marks = Marks(path)
    for call_id in given_ids:
        marks.given(call_id)
    said = path.read_bytes()
    assert all(may_have_begun(said, call_id) for call_id in given_ids)
    if all(call_id < other for call_id in given_ids):
        assert not may_have_begun(said, other), "a call after all of them has not begun"


def test_a_file_that_nobody_marked_says_nothing():
    assert may_have_begun(b"", 1) and may_have_begun(b"\0" * BYTES, 1) and may_have_begun(b"hp-marks", 1)
