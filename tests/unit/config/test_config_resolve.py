from __future__ import annotations

import pytest

from hotplate.config.project_file import load_project_file
from hotplate.config.resolve import is_loopback, resolve
from hotplate.config.settings import SETTINGS
from hotplate.errors import SettingError


@pytest.fixture
def file(tmp_path):
    def write(text):
        (tmp_path / "hotplate.yaml").write_text(text)
        return load_project_file(tmp_path)

    return write


def test_a_flag_wins_over_the_environment_over_the_file_over_the_default(file):
    written = file("port: 1001\nworkers: 2\ntimeout: 5s\n")
    environ = {"HOTPLATE_PORT": "1002", "HOTPLATE_WORKERS": "3"}
    resolved = resolve(flags={"port": "1003"}, environ=environ, file=written)
    settings, origins = resolved.settings, resolved.origins
    assert (settings.port, origins["port"]) == (1003, "--port")
    assert (settings.workers, origins["workers"]) == (3, "HOTPLATE_WORKERS")
    assert (settings.timeout_s, origins["timeout_s"]) == (5.0, "hotplate.yaml:3")
    assert (settings.grace_s, origins["grace_s"]) == (25.0, "default")


@pytest.mark.parametrize("setting", [s for s in SETTINGS.values() if s.kind != "mapping"], ids=lambda s: s.name)
def test_every_setting_is_read_from_every_place_that_it_names(setting, file):
    text, value = {
        "integer": ("7", 7),
        "seconds": ("3s", 3.0),
        "bytes": ("2KiB", 2048),
        "text": ("127.0.0.2", "127.0.0.2"),
        "flag": ("true", True),
        "switch": ("off", "off"),
        "choice": (setting.choices[-1] if setting.choices else "", setting.choices[-1] if setting.choices else ""),
        "list": ("a, b", ("a", "b")),
    }[setting.kind]
    if setting.name == "allow_origin":
        text = value = "https://app.example.com"
    assert value != setting.default
    assert getattr(resolve(flags={setting.name: text}).settings, setting.name) == value
    assert getattr(resolve(environ={setting.variable: text}).settings, setting.name) == value
    if setting.in_file:
        assert getattr(resolve(file=file(f"{setting.key}: {text}\n")).settings, setting.name) == value
    else:
        with pytest.raises(SettingError, match="Unknown key"):
            file(f"{setting.key}: {text}\n")


@pytest.mark.parametrize("setting", [s for s in SETTINGS.values() if s.high is not None], ids=lambda s: s.name)
def test_every_number_is_kept_within_its_bounds(setting):
    unit = "s" if setting.kind == "seconds" else ""
    for good in (setting.low, setting.high):
        resolve(flags={setting.name: f"{good:.12g}{unit}"})
    with pytest.raises(SettingError, match="must be .* to ") as caught:
        resolve(flags={setting.name: f"{setting.high + 1:.12g}{unit}"})
    assert caught.value.source == setting.flag
    if setting.low > 0:
        with pytest.raises(SettingError, match="must be .* to "):
            resolve(flags={setting.name: f"0{unit}"})


def test_a_wrong_value_says_where_it_stands(file):
    with pytest.raises(SettingError, match="`timeout` must be a time such as 30s") as caught:
        resolve(file=file("name: x\ntimeout: soon\n"))
    assert caught.value.source == "hotplate.yaml:2"
    with pytest.raises(SettingError, match="`log_level` must be one of debug, info") as caught:
        resolve(environ={"HOTPLATE_LOG_LEVEL": "loud"})
    assert caught.value.source == "HOTPLATE_LOG_LEVEL"


def test_auto_undoes_what_a_weaker_source_says(file):
    assert resolve(flags={"slots": "auto"}, file=file("slots: 4\n")).settings.slots is None


def test_environment_variables_for_workers_are_merged_one_by_one(file):
    written = file("env:\n  A: 1.10\n  B: on\n")
    resolved = resolve(flags={"env": ["B=two", "C", "D=x=y"]}, environ={"C": "three"}, file=written)
    assert dict(resolved.settings.env) == {"A": "1.10", "B": "two", "C": "three", "D": "x=y"}
    assert resolved.origins["env"] == "--env, hotplate.yaml:2"


def test_a_variable_to_pass_on_must_be_there():
    with pytest.raises(SettingError, match="names MISSING, which this shell does not have"):
        resolve(flags={"env": ["MISSING"]}, environ={})


@pytest.mark.parametrize("item", ["=x", "A=\0"])
def test_what_cannot_be_an_environment_variable_is_refused(item):
    with pytest.raises(SettingError, match="cannot name an environment variable"):
        resolve(flags={"env": [item]})


def test_a_repeated_flag_makes_a_list_and_each_may_hold_several():
    assert resolve(flags={"fetch_allow": ["a", "b,c"]}).settings.fetch_allow == ("a", "b", "c")


def test_a_mistyped_variable_is_an_error():
    with pytest.raises(SettingError) as caught:
        resolve(environ={"HOTPLATE_WORKER": "2"})
    assert (caught.value.source, caught.value.hint) == ("HOTPLATE_WORKER", "Did you mean HOTPLATE_WORKERS?")


@pytest.mark.parametrize("name", ["HOTPLATE_TOKEN", "HOTPLATE_VOLUME_PATH", "HOTPLATE_REPLICA_NAME", "WORKER"])
def test_a_variable_that_looks_like_no_setting_is_let_be(name):
    assert resolve(environ={name: "x"}).settings.workers == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.5", "example.com", "127.evil.example"])
def test_other_machines_are_let_in_only_by_somebody_who_says_so(host):
    with pytest.raises(SettingError, match="without a token") as caught:
        resolve(flags={"host": host})
    assert "--i-know" in str(caught.value.hint)
    assert resolve(flags={"host": host, "i_know": "true"}).settings.host == host


@pytest.mark.parametrize("origin", ["app.example.com", "https://a.example/", "https://a, https://b", "ftp://a", "**"])
def test_what_is_not_one_origin_is_refused(origin):
    with pytest.raises(SettingError, match="must be one origin"):
        resolve(flags={"allow_origin": origin})
    assert resolve(flags={"allow_origin": "*"}).settings.allow_origin == "*"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.9"])
def test_loopback_needs_no_leave(host):
    assert is_loopback(host)
    assert resolve(flags={"host": host}).settings.host == host
