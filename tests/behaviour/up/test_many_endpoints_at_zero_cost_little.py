from __future__ import annotations

from pathlib import Path

import pytest

from tests.fleet import Fleet, endpoint, revision_of, scaling

COUNT = 100
MOST_KB_EACH = 5 * 1024


@pytest.mark.serial
def test_a_hundred_endpoints_without_calls(fleet: Fleet, project: Path) -> None:
    def held_kb() -> int:
        """Memory of the server with all that is shared in it, and of every process that it started."""
        pid = fleet.state()["pid"]
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return sum(
            int(line.split()[1])
            for each in (pid, *children)
            for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
            if line.startswith("Pss:")
        )

    before = held_kb()
    revision = revision_of(project, "first1")
    fleet.publish(*(endpoint(f"e{number}", revision, public=True, scaling=scaling()) for number in range(COUNT)))
    fleet.settled(f"e{COUNT - 1}")
    each = (held_kb() - before) / COUNT
    print(f"{each:.0f} KiB each")
    assert each < MOST_KB_EACH
    assert fleet.post("/e57/predict", {"text": "hi"}).status == 200
