"""`deploy --traffic new=40` with a bound on errors: the new revision fails, and the old one has all calls again."""

from __future__ import annotations

import pytest
from control_rig import wait_for
from installation import FREE_PORTS
from serving import write_project

pytestmark = pytest.mark.timeout(300)
GOOD = "def f(x: int) -> int:\n    return x\n"
BAD = "def f(x: int) -> int:\n    raise ValueError('worse')\n"
BETTER = "def f(x: int) -> int:\n    return x + 100\n"


def shares(site) -> list[float]:
    return sorted(each["percent"] for each in site.run("revisions", "split", "-o", "json").json() if each["percent"])


def test_a_split_is_ended_by_errors_and_a_good_one_stays(site, tmp_path):
    site.run("up", *FREE_PORTS, "--detach", code=None)
    yaml = "functions: [model.py:f]\nname: split\npublic: true\nmin_replicas: 1\n"
    folder = write_project(tmp_path / "model", {"model.py": GOOD, "hotplate.yaml": yaml})
    site.run("deploy", folder=folder)
    before = site.run("endpoint", "get", "split", "-o", "json").json()["traffic"]

    (folder / "model.py").write_text(BAD)
    site.run("deploy", "--traffic", "new=40", "--abort-error-rate", "0.2", folder=folder)
    assert shares(site) == [40, 60]
    statuses = [site.call("/split/f", {"x": 1})[0] for _ in range(120)]
    assert 500 in statuses and 200 in statuses

    def ended():
        found = site.run("endpoint", "get", "split", "-o", "json").json()
        return found["rollout"]["state"] == "failed" and found

    found = wait_for(ended, "the end of the split")
    assert found["traffic"] == before
    assert "The split was ended" in found["rollout"]["text"]
    assert {site.call("/split/f", {"x": 1})[0] for _ in range(30)} == {200}
    assert "goes on serving" in site.run("events", "split").out

    (folder / "model.py").write_text(BETTER)
    site.run("deploy", "--traffic", "new=40", "--abort-error-rate", "0.2", folder=folder)
    answers = [site.call("/split/f", {"x": 1})[1]["output"] for _ in range(80)]
    assert {1, 101} == set(answers)
    assert 10 <= answers.count(101) <= 60
    assert shares(site) == [40, 60]
    site.run("rollback", "split")
    assert {site.call("/split/f", {"x": 1})[1]["output"] for _ in range(20)} == {1}
