"""The Dockerfile of a plan: whatever the values, its instructions are those that were meant."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotplate.errors import SettingError
from hotplate.images.dockerfile import dockerfile
from hotplate.images.plan import PACKAGES, SERVER, ImagePlan, Packages, Script

PLAN = ImagePlan(
    base="python:3.12-slim",
    python="3.12",
    platform="linux/amd64",
    server=Packages(path=SERVER, lock=("a",)),
    hotplate=Path("hotplate"),
    files=Path("files"),
    record=b"{}",
)
PROJECT = Packages(path=PACKAGES, lock=("a", "b"))


def instructions(text: str) -> list[str]:
    """The first word of each, as a Dockerfile's parser sees them: comments gone, continued lines joined."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [line.split()[0] for line in "\n".join(lines).replace("\\\n", " ").splitlines()]


def test_every_command_is_in_exec_form_but_the_one_of_checked_names():
    plan = replace(PLAN, project=PROJECT, system_packages=("ffmpeg", "libgl1"), setup=True)
    for line in dockerfile(plan).splitlines():
        if line.startswith("RUN") and not line.startswith("RUN apt-get update"):
            assert isinstance(json.loads(line.removeprefix("RUN ")), list)
    assert "--no-install-recommends ffmpeg libgl1 " in dockerfile(plan)


def test_what_changes_most_comes_last():
    text = dockerfile(replace(PLAN, project=PROJECT, system_packages=("ffmpeg",)))
    order = ["apt-get", "pylock.server", "pylock.project", "image.json", ".hotplate/files/", "ENTRYPOINT"]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_files_come_first_where_packages_lie_among_them():
    text = dockerfile(replace(PLAN, project=PROJECT, local=True))
    assert text.index(".hotplate/files/") < text.index("pylock.project")


def test_scripts_run_as_root_with_the_projects_environment_first():
    plan = replace(PLAN, project=PROJECT, scripts=(Script(source="dependencies.sh", command=("bash", "-e", "x.sh")),))
    text = dockerfile(plan)
    line = next(line for line in text.splitlines() if '"x.sh"' in line)
    assert f'"PATH={PACKAGES}/bin:' in line
    assert text.index(line) < text.index("\nUSER 10001")


def test_secrets_are_mounted_where_packages_are_installed_and_nowhere_else():
    lines = [line for line in dockerfile(PLAN, secrets=("netrc",)).splitlines() if line.startswith("RUN --mount")]
    assert len(lines) == 1
    assert lines[0].startswith("RUN --mount=type=secret,id=netrc,target=/run/secrets/netrc,required=true [")


def test_it_does_not_run_as_root():
    text = dockerfile(PLAN)
    assert re.findall(r"^USER (.*)$", text, re.M)[-1] == "10001:10001"


HOSTILE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(["\n", "\r\n", " \\\n", "\x0b", "\u2028"]).flatmap(
        lambda end: st.sampled_from(["RUN evil", "FROM evil", "USER root", 'ENTRYPOINT ["evil"]']).map(
            lambda rest: f"x{end}{rest}"
        )
    ),
)


@given(field=st.sampled_from(["base", "system", "label", "variable", "name", "platform", "script"]), value=HOSTILE)
def test_no_value_becomes_an_instruction(field, value):
    """It is an error, or it leaves the instructions as they are."""
    plan = replace(PLAN, system_packages=("ok",), labels={"a": "b"}, scripts=(Script(source="s", command=("a", "b")),))
    wanted = instructions(dockerfile(plan))
    changes = {
        "base": {"base": value},
        "system": {"system_packages": (value,)},
        "label": {"labels": {"a": value}},
        "variable": {"variables": {"A": value}},
        "name": {"variables": {value: "x"}},
        "platform": {"platform": value},
        "script": {"scripts": (Script(source="s", command=("a", value)),)},
    }
    try:
        text = dockerfile(replace(plan, **changes[field]))
    except SettingError:
        return
    assert instructions(text) == wanted


@pytest.mark.parametrize("value", ["ok\nRUN evil", "ok\\\nRUN evil", "ok\rRUN evil"])
def test_a_line_end_is_an_error_wherever_it_stands(value):
    for changes in (
        {"base": value},
        {"system_packages": (value,)},
        {"labels": {"a": value}},
        {"variables": {"A": value}},
        {"entry_point": (value,)},
        {"health_check": (value,)},
        {"scripts": (Script(source="s", command=(value,)),)},
    ):
        with pytest.raises(SettingError):
            dockerfile(replace(PLAN, **changes))
