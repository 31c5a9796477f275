"""A plan holds no value that may not stand in an image."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotplate.errors import SettingError
from hotplate.images.plan import SERVER, ImagePlan, Packages

GOOD = {
    "base": "python:3.12-slim",
    "python": "3.12",
    "platform": "linux/amd64",
    "server": Packages(path=SERVER, lock=()),
    "hotplate": Path("hotplate"),
    "files": Path("files"),
    "record": b"{}",
}


def test_a_plan_with_good_values_is_made():
    assert ImagePlan(**GOOD).project is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"base": "python\nRUN evil"},
        {"base": "python AS x"},
        {"python": "3.12; evil"},
        {"platform": "linux/amd64 --x"},
        {"system_packages": ("curl", "-o=evil")},
        {"system_packages": ("curl wget",)},
        {"variables": {"A B": "x"}},
        {"variables": {"A": "x\ny"}},
        {"labels": {"a=b": "x"}},
        {"labels": {"a": "x\nUSER root"}},
    ],
    ids=str,
)
def test_a_plan_with_a_hostile_value_is_not(wrong):
    with pytest.raises(SettingError):
        ImagePlan(**{**GOOD, **wrong})
