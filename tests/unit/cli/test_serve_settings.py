"""The defaults of `hotplate serve`, and what wins over them."""

from __future__ import annotations

import pytest

from hotplate.cli import serve_settings
from hotplate.errors import SettingError


@pytest.fixture(autouse=True)
def processors(monkeypatch):
    monkeypatch.setattr(serve_settings, "limited_processors", lambda: 3)


def settings(flags=None, environ=None, env=None):
    return serve_settings.settings_of(flags or {}, environ or {}, None, env or {})


def test_a_container_is_reached_from_outside_and_logs_json():
    found = settings()
    assert (found.host, found.port, found.workers, found.log_format) == ("0.0.0.0", 8080, 3, "json")


@pytest.mark.parametrize(
    ("flags", "environ", "port"),
    [
        ({}, {"PORT": "9000"}, 9000),
        ({}, {"PORT": "9000", "HOTPLATE_PORT": "9001"}, 9001),
        ({"port": "9002"}, {"PORT": "9000", "HOTPLATE_PORT": "9001"}, 9002),
        ({}, {"PORT": ""}, 8080),
    ],
)
def test_the_port_is_the_platforms_unless_ours_is_given(flags, environ, port):
    assert settings(flags, environ).port == port


def test_a_wrong_port_of_the_platform_is_named():
    with pytest.raises(SettingError) as caught:
        settings({}, {"PORT": "http"})
    assert caught.value.source == "PORT"


def test_what_is_given_wins_over_the_limit():
    assert settings({}, {"HOTPLATE_WORKERS": "1"}).workers == 1
    assert settings({"host": "127.0.0.1"}).host == "127.0.0.1"
    assert settings({"log_format": "text"}).log_format == "text"


def test_variables_of_the_container_win_over_the_projects_and_typed_ones_over_both():
    found = settings({"env": ["C=typed"]}, {"B": "container", "C": "container"}, {"A": "project", "B": "project"})
    assert dict(found.env) == {"A": "project", "C": "typed"}
