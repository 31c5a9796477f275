"""The table of settings, and the record that the server reads."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from hotplate.config.resolve import resolve
from hotplate.config.settings import GROUPS, SETTINGS, Settings
from hotplate.config.values import AUTO, PARSERS, show

EXPECTED = {
    "host": "127.0.0.1",
    "port": 8080,
    "workers": 1,
    "slots": None,
    "queue_size": None,
    "timeout_s": 300.0,
    "setup_timeout_s": 900.0,
    "jobs": "on",
    "store": None,
    "jobs_store": None,
    "jobs_blobs": None,
    "webhook": "",
    "webhook_events": (),
    "webhook_secret": None,
    "job_timeout_s": 900.0,
    "job_attempts": 4,
    "job_crashes": 3,
    "job_lease_s": 30.0,
    "job_retention_s": 86_400.0,
    "max_jobs": 100_000,
    "max_job_result_bytes": 100 * 1024 * 1024,
    "max_body_bytes": 10 * 1024 * 1024,
    "max_upload_bytes": 100 * 1024 * 1024,
    "body_memory_bytes": 1024 * 1024 * 1024,
    "max_header_bytes": 32 * 1024,
    "max_headers": 64,
    "max_uri_bytes": 8 * 1024,
    "first_byte_timeout_s": 10.0,
    "header_timeout_s": 10.0,
    "body_idle_timeout_s": 30.0,
    "body_min_rate_bytes_s": 1024,
    "keep_alive_s": 75.0,
    "write_stall_timeout_s": 60.0,
    "max_connections": 10_000,
    "max_connections_per_ip": 256,
    "grace_s": 25.0,
    "drain_delay_s": 0.0,
    "log_level": "info",
    "log_format": "auto",
    "access_log": "auto",
    "traces": "off",
    "allowed_hosts": (),
    "allow_origin": "",
    "fetch_allow": (),
    "env": {},
    "i_know": False,
    "reload": False,
    "target": "local",
    "link_callback": "",
    "link_ca": "",
    "link_unverified": False,
    "link_cert": "",
    "link_key": "",
    "probe_interval_s": 2.0,
    "probe_timeout_s": 2.0,
    "probe_failures": 3,
    "base_image": "",
    "build_network": "",
    "certificates": "",
    "docker_network": "auto",
    "ray_address": "auto",
    "ray_python": "",
    "ray_placement": "spread",
    "ray_runtime_env": "",
    "ray_grows": False,
    "ray_spares": 1,
    "ray_start_timeout_s": 300.0,
    "ray_files": "auto",
    "ray_cache": "~/.cache/hotplate",
}


def test_the_record_has_these_fields_and_defaults():
    settings = Settings()
    assert {field.name: getattr(settings, field.name) for field in fields(settings)} == EXPECTED


def test_nothing_changes_after_start():
    settings = resolve(environ={}).settings
    with pytest.raises(FrozenInstanceError):
        settings.port = 1
    with pytest.raises(TypeError):
        settings.env["A"] = "1"


def test_its_repr_shows_no_value_of_the_environment():
    assert "hunter2" not in repr(Settings(env={"PASSWORD": "hunter2"}))


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=lambda setting: setting.name)
def test_every_setting_is_whole(setting):
    assert setting.group in GROUPS
    assert setting.help.endswith(".")
    if setting.kind in ("integer", "seconds", "bytes"):
        assert setting.low is not None, "every number has bounds"
        assert setting.high is not None, "every number has bounds"
    if setting.kind != "mapping":
        shown = show(setting.kind, setting.default)
        assert shown == AUTO or PARSERS[setting.kind](shown) == setting.default, "a default can be typed"
    if setting.choices:
        assert setting.default in setting.choices


def test_names_on_the_outside_carry_no_unit():
    assert [(s.key, s.flag, s.variable) for s in map(SETTINGS.get, ("timeout_s", "max_body_bytes")) if s] == [
        ("timeout", "--timeout", "HOTPLATE_TIMEOUT"),
        ("max_body_size", "--max-body-size", "HOTPLATE_MAX_BODY_SIZE"),
    ]


def test_no_two_settings_share_a_name():
    for names in ([s.key for s in SETTINGS.values()], [s.short for s in SETTINGS.values() if s.short]):
        assert len(set(names)) == len(names)
