"""What `store_assets` stores goes into the endpoint's volume, from the revision's own environment."""

from __future__ import annotations

import json

import pytest

from hotplate.build.assets import fill
from hotplate.errors import ProjectError

SERVICE = """
import os
from hotplate import Service, volume_path
import six


class Model(Service):
    def store_assets(self):
        {line}
        open(volume_path() + "/asset.txt", "w").write(six.__version__)

    def infer(self, prompt: str) -> str:
        return prompt
"""


def write(site, line: str = "pass") -> None:
    site.write("service.py", SERVICE.format(line=line))
    site.write("requirements.txt", "six==1.16.0\n")
    site.write("hotplate.yaml", "name: with-assets\n")


def test_the_volume_is_the_endpoints_or_the_one_that_is_named(site):
    write(site)
    revision = site.build().revision
    assert revision.store_assets
    assert not (site.home.volumes / "with-assets").exists()
    assert fill(site.home, revision, "one") == site.home.volumes / "one"
    assert (site.home.volumes / "one" / "asset.txt").read_text() == "1.16.0"
    assert fill(site.home, revision, "one", "shared") == site.home.volumes / "shared"


def test_a_failing_one_shows_its_traceback(site):
    write(site, "raise OSError('no such weights')")
    with pytest.raises(ProjectError, match="no such weights") as caught:
        fill(site.home, site.build().revision, "one")
    assert (caught.value.file, caught.value.line) == ("service.py", 8)


def test_programs_may_have_it_done_by_the_build(site):
    write(site)
    done = site.command("hotplate.build", ".", "--store-assets")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert ("assets", f"Stored in {site.home.volumes / 'with-assets'}") in [
        (event.get("step"), event.get("text")) for event in events
    ]
    assert events[-2]["event"] == "built"
    assert events[-2]["name"] == "with-assets"


def test_a_project_without_it_stores_nothing(site):
    site.service()
    assert fill(site.home, site.build().revision, "one") is None
