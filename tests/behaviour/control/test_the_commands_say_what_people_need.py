"""The commands over a real control: what they print, their exit codes, and `-o json` for programs."""

from __future__ import annotations

import json
import time

import pytest
from control_rig import make_revision
from installation import Installation

pytestmark = pytest.mark.timeout(600)  # many commands, each a process of its own


@pytest.fixture(scope="module")
def site(control):
    said = {"pid": 1, "url": "http://127.0.0.1:1", "control_url": control.url}
    control.home.supervisor_file.write_text(json.dumps(said))
    return Installation(control.home.root)


def test_an_endpoint_is_made_changed_paused_started_shown_and_deleted(site, control, name):
    assert (
        site.run("endpoint", "create", "--name", name, "--pause", "-e", "A=1").out
        == f'Endpoint "{name}" has been created.\n'
    )
    assert site.run("endpoint", "start", "--name", name).out == f'Endpoint "{name}" has been started.\n'
    site.run("endpoint", "update", name, "--max-replicas", "7", "-e", "B=2")
    found = site.run("endpoint", "get", name, "-o", "json").json()
    assert (found["max_replicas"], found["env_overrides"]) == (7, {"A": "1", "B": "2"})
    shown = site.run("endpoint", "get", name).out
    assert "Replicas:                 [0-7]" in shown and "nothing is deployed" in shown
    assert site.run("endpoint", "pause", name, "-o", "json").json()["endpoint_state"] == "disabled"
    assert f"{name}  http://127.0.0.1:1/{name}  paused  [0-7]" in site.run("endpoint", "list").out.replace(
        "     ", "  "
    )
    assert site.run("endpoint", "delete", name, "--force").out == f'Endpoint "{name}" has been deleted.\n'
    gone = site.run("endpoint", "get", name, code=1)
    assert gone.err.startswith(f"error: There is no endpoint '{name}'.") and "/api/v1" not in gone.err
    assert site.run("endpoint", "get", code=2).err.startswith("error: The name of the endpoint is missing.")


def test_a_token_is_shown_once(site):
    made = site.run("token", "create", "--name", "ci", "--scope", "read,deploy", "--expires", "1d")
    assert made.out.startswith("hp_") and made.out.count("\n") == 1
    listed = site.run("token", "list").out
    assert made.out.strip() not in listed and "deploy,read" in listed and "23h59m" in listed
    token_id = made.out.split("_")[1]
    assert "revoked" in site.run("token", "revoke", token_id).out
    assert token_id not in site.run("token", "list").out
    assert "There is no scope" in site.run("token", "create", "--name", "x", "--scope", "all", code=2).err


def test_a_secret_is_taken_from_standard_input_and_not_shown(site):
    assert (
        site.run("secret", "create", "--key", "MY_KEY", given="v4lue-of-it\n").out
        == 'Secret "MY_KEY" has been created.\n'
    )
    assert (
        site.run("secret", "update", "--key", "MY_KEY", "--value", "an0ther").out
        == 'Secret "MY_KEY" has been updated.\n'
    )
    for words in (
        ("get", "--key", "MY_KEY"),
        ("get", "--key", "MY_KEY", "-o", "json"),
        ("list",),
        ("list", "-o", "json"),
    ):
        done = site.run("secret", *words)
        assert "MY_KEY" in done.out and "v4lue" not in done.out and "an0ther" not in done.out
    assert "is empty" in site.run("secret", "create", "--key", "E", given="", code=2).err
    site.run("secret", "delete", "--key", "MY_KEY", "--force")


def test_a_registry_credential_is_kept_and_its_token_not_shown(site):
    made = ("--name", "hub", "--username", "ann")
    assert site.run("regcred", "create", *made, given="t0ken-of-ann\n").out == (
        'Registry credential "hub" has been created.\n'
    )
    assert "is there already" in site.run("regcred", "create", *made, "--token", "x", code=1).err
    change = ("--name", "hub", "--registry", "ghcr.io", "--token", "an0ther-t0ken")
    assert site.run("regcred", "update", *change).out == 'Registry credential "hub" has been updated.\n'
    for words in (("get", "--name", "hub"), ("get", "--name", "hub", "-o", "json"), ("list",), ("list", "-o", "json")):
        done = site.run("regcred", *words)
        assert all(word in done.out for word in ("hub", "ann", "ghcr.io")) and "t0ken" not in done.out
    assert (
        "is no registry" in site.run("regcred", "update", "--name", "hub", "--registry", "a/b", given="t", code=1).err
    )
    site.run("regcred", "delete", "--name", "hub", "--force")
    assert "no registry credential" in site.run("regcred", "get", "--name", "hub", code=1).err


def test_files_go_into_a_volume_and_out_of_it(site, tmp_path):
    folder = tmp_path / "weights"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.bin").write_bytes(b"a" * 5000)
    (folder / "deep" / "b c.bin").write_bytes(b"b")
    site.run("volume", "create", "weights")
    site.run("volume", "cp", "-r", str(folder), "weights:v1")
    site.run("volume", "cp", str(folder / "a.bin"), "weights:")
    assert "deep/" in site.run("volume", "ls", "weights:v1").out
    assert {each["name"] for each in site.run("volume", "ls", "weights", "-o", "json").json()} == {"v1", "a.bin"}
    site.run("volume", "cp", "weights:v1/deep/b c.bin", str(tmp_path))
    assert (tmp_path / "b c.bin").read_bytes() == b"b"
    assert "Add --recursive" in site.run("volume", "cp", str(folder), "weights:x", code=2).err
    assert "VOLUME:PATH" in site.run("volume", "cp", "a", "b", code=2).err
    site.run("volume", "rm", "weights:v1", "-r")
    site.run("volume", "rm", "weights", "--force")
    assert "weights" not in site.run("volume", "list").out


def test_logs_have_the_shape_of_the_seed(site, control, name):
    control.good("POST", "/endpoints", {"name": name})
    folder = control.home.logs / name
    folder.mkdir()
    lines = [
        {"at": time.time() - 19.5, "replica": 2, "stream": "stdout", "text": f"octoai server \x1b[31m{n}"}
        for n in range(3)
    ]
    (folder / "current.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    out = site.run("logs", "--name", name, "-n", "2").out.splitlines()
    assert len(out) == 2
    age, replica, text = out[-1].split("   ")
    assert 18 < int(age.rstrip("s")) < 60 and replica == f"{name}-2"
    assert text == "octoai server \ufffd[31m2"
    assert site.run("logs", "-n", name).out.count("\n") == 3
    assert site.run("logs", name, "--since", "5s").out == ""
    assert site.run("logs", name, "--replica", "1").out == ""
    assert site.run("logs", name, "-o", "json").json()[0]["data"].startswith("octoai server")


def test_revisions_and_events_are_tables(site, control, name):
    make_revision(control.home, "f" * 12)
    make_revision(control.home, "a" * 12)
    for digest in ("f" * 12, "a" * 12):
        control.good("POST", f"/endpoints/{name}/deploy", {"revision": digest, "wait_s": 60})
    assert site.run("revisions", name).out.splitlines()[1].split()[:3] == ["2", "a" * 12, "100%"]
    assert site.run("rollback", name).out == f'Endpoint "{name}" serves {"f" * 12} again.\n'
    assert "rollback" in site.run("revisions", name, "--history").out
    assert "deployed" in site.run("events", "-n", name).out
    assert site.run("events", name, "--lines", "1", "-o", "json").json()[0]["event"]["type"] == "deployed"
    assert len(site.run("events", name, "-n", "1", "-o", "json").json()) == 1
    assert "no number of lines" in site.run("events", name, "-n", "some", code=2).err


def test_without_anything_running_the_next_step_is_told(tmp_path):
    alone = Installation(tmp_path)
    done = alone.run("endpoint", "list", code=1)
    assert "Nothing runs" in done.err and "hotplate up" in done.err
