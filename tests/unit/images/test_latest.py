from __future__ import annotations

from pathlib import Path

from hotplate.deployment.home import Home
from hotplate.images import latest


def test_the_last_image_of_each_project_is_known_and_the_list_is_bounded(tmp_path):
    home = Home(tmp_path / "home")
    home.make()
    assert latest.find(home, Path("/a")) is None
    latest.note(home, Path("/a"), "a:1")
    latest.note(home, Path("/b"), "b:1")
    latest.note(home, Path("/a"), "a:2")
    assert (latest.find(home, Path("/a")), latest.find(home, Path("/b"))) == ("a:2", "b:1")
    for number in range(latest.MOST):
        latest.note(home, Path(f"/{number}"), "x:1")
    assert latest.find(home, Path("/a")) is None
    (home.root / latest.FILE).write_text("{")
    assert latest.find(home, Path("/b")) is None
