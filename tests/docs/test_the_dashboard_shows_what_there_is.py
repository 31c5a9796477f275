"""docs/grafana/hotplate.json asks for metrics that a server of many endpoints has, by labels that they have."""

from __future__ import annotations

import json
import re
from pathlib import Path

from serving import write_project

from tests.behaviour.up.conftest import ECHO
from tests.fleet import endpoint, revision_of, scaling, serve_fleet, token

BOARD = Path(__file__).parents[2] / "docs/grafana/hotplate.json"


def test_every_query_names_a_metric_of_the_server(tmp_path: Path) -> None:
    reader = token("read")
    with serve_fleet(tmp_path / "home") as fleet:
        revision = revision_of(write_project(tmp_path / "model", ECHO), "first1")
        fleet.publish(endpoint("open", revision, public=True, scaling=scaling()), tokens=[reader])
        assert fleet.post("/open/predict", {"text": "hi"}).status == 200
        text = fleet.wait_for(
            lambda: "first_answer" in (found := fleet.get("/metrics", reader.headers).body.decode()) and found,
            "the times of a cold start",
        )
    there = set(re.findall(r"^(hotplate_\w+)", text, re.MULTILINE))
    queries = [target["expr"] for panel in json.loads(BOARD.read_text())["panels"] for target in panel["targets"]]
    asked = {name for query in queries for name in re.findall(r"hotplate_\w+", query)}
    assert asked - there == set()
    assert 'endpoint="open"' in text
