"""docs/faces.md does what it says."""

from __future__ import annotations

from tests.docs.test_readme import ROOT, blocks, play


def test_the_page_does_what_it_says(tmp_path):
    assert play(blocks((ROOT / "docs" / "faces.md").read_text("utf-8")), tmp_path) == 1
