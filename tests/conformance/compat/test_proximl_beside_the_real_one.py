"""The real proximl 1.0.2 and our stand-in for it: the same names, arguments, errors and texts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hotplate.compat import SHIMS
from tests.peers import proximl_python

DRIVER = Path(__file__).with_name("proximl_driver.py")

pytestmark = pytest.mark.peer


def seen(python: Path | str, **environ: str) -> list[object]:
    env = {**os.environ, **environ}
    done = subprocess.run([python, DRIVER], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def both() -> tuple[dict[str, dict[str, object]], dict[str, dict[str, object]]]:
    (ours_at, ours), (theirs_at, theirs) = seen(sys.executable), seen(proximl_python())
    assert Path(ours_at).is_relative_to(SHIMS)
    assert not Path(theirs_at).is_relative_to(SHIMS)
    return ours, theirs


@pytest.mark.parametrize("what", ["version", "job", "jobs", "texts", "refusals"])
def test_a_script_sees_the_same(both, what):
    ours, theirs = both
    assert ours[what] == theirs[what]


def test_errors_are_caught_by_the_same_names(both):
    ours, theirs = both
    for name, above in theirs["errors"].items():
        assert [each for each in ours["errors"][name] if each != "_FailedError"] == above


def test_the_real_package_wins_where_both_are_there():
    (found, _) = seen(proximl_python(), PYTHONPATH=SHIMS)
    assert not Path(found).is_relative_to(SHIMS)
